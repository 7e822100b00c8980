// Package vectors reads the vectors that the tests of every language read; conformance/vectors/README.md describes them.
package vectors

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// File is the content of a file of vectors, e.g. payloads.json.
func File(t testing.TB, name string) []byte {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	folder := filepath.Join(filepath.Dir(here), "..", "..", "..", "..", "conformance", "vectors")
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatalf("cannot read the vectors: %s", err)
	}
	return data
}

// Read reads a file of vectors; numbers in values of any type are json.Number.
func Read[T any](t testing.TB, name string) T {
	t.Helper()
	var content T
	decoder := json.NewDecoder(bytes.NewReader(File(t, name)))
	decoder.UseNumber()
	if err := decoder.Decode(&content); err != nil {
		t.Fatalf("cannot read the vectors of %s: %s", name, err)
	}
	return content
}

// Refusal is what a vector says of an error.
type Refusal struct {
	Reason    string
	RefusedBy []string
	Place     string
	Field     string
	Limit     int64
	Actual    int64
}

// IsRefused tells whether Go refuses it.
func (r Refusal) IsRefused() bool {
	return r.Reason != "" && (len(r.RefusedBy) == 0 || slices.Contains(r.RefusedBy, "go"))
}

// Untagged is the value that a vector describes: JSON, where an object whose key begins with $ is what JSON has not.
func Untagged(t testing.TB, value any) any {
	t.Helper()
	switch value := value.(type) {
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return whole
		}
		return number(t, value.String())
	case []any:
		made := make([]any, len(value))
		for index, each := range value {
			made[index] = Untagged(t, each)
		}
		return made
	case map[string]any:
		made := make(map[string]any, len(value))
		for key, each := range value {
			if strings.HasPrefix(key, "$") {
				return tagged(t, key, each)
			}
			made[key] = Untagged(t, each)
		}
		return made
	default:
		return value
	}
}

func tagged(t testing.TB, tag string, content any) any {
	t.Helper()
	switch tag {
	case "$absent":
		return nil
	case "$float":
		return number(t, content.(string))
	case "$int":
		return wholeNumber(t, content.(string))
	case "$utf16":
		return text(t, content.([]any))
	case "$object":
		made := map[string]any{}
		for _, entry := range content.([]any) {
			pair := entry.([]any)
			made[Untagged(t, pair[0]).(string)] = Untagged(t, pair[1])
		}
		return made
	case "$time":
		at, err := time.Parse(time.RFC3339Nano, content.(string))
		failOn(t, err)
		return at
	case "$bytes":
		data, err := base64.StdEncoding.DecodeString(content.(string))
		failOn(t, err)
		return data
	case "$code":
		return func() {}
	case "$cycle":
		circle := map[string]any{}
		circle[content.(string)] = circle
		return circle
	case "$depth":
		nested := []any{}
		for range Untagged(t, content).(int64) - 1 {
			nested = []any{nested}
		}
		return nested
	case "$repeat", "$times":
		return repeated(t, content.([]any))
	default:
		t.Fatalf("cannot make the value of a vector: %s is no tag", tag)
		return nil
	}
}

func repeated(t testing.TB, content []any) any {
	t.Helper()
	times := int(Untagged(t, content[1]).(int64))
	switch each := Untagged(t, content[0]).(type) {
	case string:
		return strings.Repeat(each, times)
	default:
		return slices.Repeat([]any{each}, times)
	}
}

func number(t testing.TB, text string) float64 {
	t.Helper()
	made, err := strconv.ParseFloat(text, 64)
	failOn(t, err)
	return made
}

func wholeNumber(t testing.TB, text string) any {
	t.Helper()
	made, ok := new(big.Int).SetString(text, 10)
	if !ok {
		t.Fatalf("cannot make the value of a vector: %q is no whole number", text)
	}
	if made.IsInt64() {
		return made.Int64()
	}
	return made
}

// text is made of code units; half a pair becomes the bytes it would have, which are no UTF-8.
func text(t testing.TB, units []any) string {
	t.Helper()
	var made []byte
	for index := 0; index < len(units); index++ {
		unit := rune(Untagged(t, units[index]).(int64))
		if index+1 < len(units) {
			if pair := utf16.DecodeRune(unit, rune(Untagged(t, units[index+1]).(int64))); pair != utf8.RuneError {
				made = utf8.AppendRune(made, pair)
				index++
				continue
			}
		}
		if utf16.IsSurrogate(unit) {
			made = append(made, 0xe0|byte(unit>>12), 0x80|byte(unit>>6)&0x3f, 0x80|byte(unit)&0x3f)
			continue
		}
		made = utf8.AppendRune(made, unit)
	}
	return string(made)
}

func failOn(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("cannot make the value of a vector: %s", err)
	}
}
