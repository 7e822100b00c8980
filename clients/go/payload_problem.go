package spanloom

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// findProblem tells where in a value stands what JSON cannot express, and what it is; empty when nothing was found.
//
// It is called once encoding has failed, so its cost does not matter. Values that write themselves are passed over.
func findProblem(value reflect.Value, path string, ancestors []uintptr) string {
	switch value.Kind() {
	case reflect.Invalid:
		return ""
	case reflect.Float32, reflect.Float64:
		if number := value.Float(); math.IsNaN(number) || math.IsInf(number, 0) {
			return fmt.Sprintf("%s is %v, which JSON has no number for", path, number)
		}
	case reflect.String:
		if !utf8.ValidString(value.String()) {
			return fmt.Sprintf("%s is text that is not UTF-8: %q", path, shortened(value.String()))
		}
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Sprintf("%s is a %s, which is no data", path, value.Type())
	case reflect.Interface:
		return findProblem(value.Elem(), path, ancestors)
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return findWithinReference(value, path, ancestors)
	case reflect.Struct, reflect.Array:
		return findWithin(value, path, ancestors)
	}
	return ""
}

func findWithinReference(value reflect.Value, path string, ancestors []uintptr) string {
	if value.IsNil() || writesItself(value) {
		return ""
	}
	if slices.Contains(ancestors, value.Pointer()) && (value.Kind() != reflect.Slice || value.Len() > 0) {
		return path + " refers back to a value that contains it"
	}
	// A copy: siblings must not see each other.
	within := append(slices.Clone(ancestors), value.Pointer())
	if value.Kind() == reflect.Pointer {
		return findProblem(value.Elem(), path, within)
	}
	return findWithin(value, path, within)
}

func findWithin(value reflect.Value, path string, ancestors []uintptr) string {
	if writesItself(value) {
		return ""
	}
	switch value.Kind() {
	case reflect.Struct:
		for index := range value.NumField() {
			field := value.Type().Field(index)
			name, skipped := jsonName(field)
			if skipped {
				continue
			}
			if problem := findProblem(value.Field(index), path+name, ancestors); problem != "" {
				return problem
			}
		}
	case reflect.Map:
		for _, key := range value.MapKeys() {
			if key.Kind() == reflect.String && !utf8.ValidString(key.String()) {
				return fmt.Sprintf("%s has a key that is not UTF-8: %q", path, shortened(key.String()))
			}
			if problem := findProblem(value.MapIndex(key), fmt.Sprintf("%s.%v", path, key), ancestors); problem != "" {
				return problem
			}
		}
	default:
		for index := range value.Len() {
			if problem := findProblem(value.Index(index), fmt.Sprintf("%s[%d]", path, index), ancestors); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// jsonName is what encoding/json calls a field, after a dot; empty for one whose own fields stand in its place.
func jsonName(field reflect.StructField) (name string, skipped bool) {
	tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	switch {
	case tag == "-" && field.Tag.Get("json") == "-", !field.IsExported() && !field.Anonymous:
		return "", true
	case tag != "":
		return "." + tag, false
	case field.Anonymous:
		return "", false
	default:
		return "." + field.Name, false
	}
}

func writesItself(value reflect.Value) bool {
	if !value.CanInterface() {
		return false
	}
	switch value.Interface().(type) {
	case json.Marshaler, encoding.TextMarshaler:
		return true
	default:
		return false
	}
}

func shortened(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}
