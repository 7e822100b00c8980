package spanloom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// Largest input or output of a task, in bytes.
const (
	MaxInputBytes  = 256 * 1024
	MaxOutputBytes = 256 * 1024
)

// maxDepth is how many levels of lists and objects a payload may have: readers of other languages end somewhere beyond.
const maxDepth = 200

// None is the input or output of a task that has none. It travels as no bytes at all, as nil does: what undefined is in
// TypeScript, and None in Python.
type None struct{}

// Encode gives a value as inputs and outputs travel: JSON in UTF-8, as encoding/json writes it but for < > and &, which
// stay as they are. [None], and a nil pointer or interface, are no bytes.
//
// Errors: InvalidField naming where in the value stands what JSON cannot express. Nothing is changed silently: text that
// is not UTF-8 is refused as well, and what is nested deeper than 200 levels.
//
// Source: conformance/vectors/payloads.json, which every language's client reads.
func Encode(value any) ([]byte, error) { return encodePayload(value, "cannot encode a value") }

// Decode reads one input or output. No bytes, and null, are T's zero value; keys that T does not have are left out.
//
// Errors: InvalidField for what is no JSON, or does not fit T, naming the place.
func Decode[T any](data []byte) (T, error) { return decodePayload[T](data, "cannot decode a value") }

// encodePayload is Encode; owner starts the message of the error, e.g. `cannot submit task "add"`.
func encodePayload(value any, owner string) ([]byte, error) {
	if isNothing(value) {
		return nil, nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		why := findProblem(reflect.ValueOf(value), "value", nil)
		if why == "" {
			why = err.Error()
		}
		return nil, inexpressible(owner, why, err)
	}
	data := bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
	// What is not UTF-8 was replaced by this escape, which encoding/json writes for nothing else.
	if bytes.Contains(data, []byte(`\ufffd`)) {
		if why := findProblem(reflect.ValueOf(value), "value", nil); why != "" {
			return nil, inexpressible(owner, why, nil)
		}
	}
	if depthOf(data) > maxDepth {
		return nil, inexpressible(owner, fmt.Sprintf("value is nested deeper than %d levels", maxDepth), nil)
	}
	return data, nil
}

// depthOf is how many levels of lists and objects JSON has.
func depthOf(data []byte) int {
	depth, deepest, within := 0, 0, false
	for index := 0; index < len(data); index++ {
		switch char := data[index]; {
		case within && char == '\\':
			index++
		case char == '"':
			within = !within
		case within:
		case char == '[' || char == '{':
			depth++
			deepest = max(deepest, depth)
		case char == ']' || char == '}':
			depth--
		}
	}
	return deepest
}

// decodePayload is Decode; owner starts the message of the error.
func decodePayload[T any](data []byte, owner string) (T, error) {
	var value T
	if _, none := any(value).(None); none || len(data) == 0 {
		return value, nil
	}
	if !utf8.Valid(data) {
		return value, invalid("input", "%s: its payload is not JSON in UTF-8: it is not UTF-8", owner)
	}
	err := json.Unmarshal(data, &value)
	if err == nil {
		return value, nil
	}
	problem := invalid("input", "%s: its payload is not JSON in UTF-8: %s", owner, err)
	if found := findMisfit(data, reflect.TypeFor[T](), "input"); found != nil && json.Valid(data) {
		problem = invalid(found.place, "%s: %s", owner, found.describe())
	}
	problem.cause = err
	var zero T
	return zero, problem
}

func inexpressible(owner, why string, cause error) *Error {
	problem := invalid("input", "%s: its payload cannot be written as JSON: %s", owner, why)
	problem.cause = cause
	return problem
}

func isNothing(value any) bool {
	switch known := value.(type) {
	case nil, None:
		return true
	case json.RawMessage:
		return len(known) == 0
	}
	held := reflect.ValueOf(value)
	return held.Kind() == reflect.Pointer && held.IsNil()
}
