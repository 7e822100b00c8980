package spanloom

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// misfit is the first part of a payload that does not fit its type.
type misfit struct {
	place string
	given json.RawMessage
	kind  reflect.Type
	cause error
}

// describe says what the part is and what it must be; a type that reads itself says why it does not take it.
func (m *misfit) describe() string {
	var mismatch *json.UnmarshalTypeError
	if errors.As(m.cause, &mismatch) {
		return fmt.Sprintf("%s is a %s, must be %s", m.place, mismatch.Value, m.kind)
	}
	return fmt.Sprintf("%s is %s, no %s: %s", m.place, shortened(string(m.given)), m.kind, m.cause)
}

// findMisfit finds the part: encoding/json tells neither the index in a list nor where a type refused to read itself.
//
// It is called once decoding has failed, so its cost does not matter; nil means that all of it fits.
func findMisfit(data json.RawMessage, kind reflect.Type, place string) *misfit {
	err := json.Unmarshal(data, reflect.New(kind).Interface())
	if err == nil {
		return nil
	}
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if !readsItself(kind) {
		for _, part := range partsOf(data, kind, place) {
			if found := findMisfit(part.given, part.kind, part.place); found != nil {
				return found
			}
		}
	}
	return &misfit{place: place, given: data, kind: kind, cause: err}
}

func readsItself(kind reflect.Type) bool {
	pointer := reflect.PointerTo(kind)
	return pointer.Implements(reflect.TypeFor[json.Unmarshaler]()) || pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// partsOf gives the entries of an object or the items of a list with the types they must have; none of anything else.
func partsOf(data json.RawMessage, kind reflect.Type, place string) []misfit {
	switch kind.Kind() {
	case reflect.Struct:
		return fieldsOf(data, kind, place)
	case reflect.Map:
		var parts []misfit
		for key, value := range read[map[string]json.RawMessage](data) {
			parts = append(parts, misfit{place: place + "." + key, given: value, kind: kind.Elem()})
		}
		return parts
	case reflect.Slice, reflect.Array:
		items := read[[]json.RawMessage](data)
		parts := make([]misfit, len(items))
		for index, item := range items {
			parts[index] = misfit{place: fmt.Sprintf("%s[%d]", place, index), given: item, kind: kind.Elem()}
		}
		return parts
	default:
		return nil
	}
}

func fieldsOf(data json.RawMessage, kind reflect.Type, place string) []misfit {
	entries := read[map[string]json.RawMessage](data)
	var parts []misfit
	for index := range kind.NumField() {
		field := kind.Field(index)
		name, skipped := jsonName(field)
		if entries == nil || skipped {
			continue
		}
		if name == "" {
			// Its own fields stand in its place.
			parts = append(parts, misfit{place: place, given: data, kind: field.Type})
			continue
		}
		for key, value := range entries {
			if strings.EqualFold("."+key, name) {
				parts = append(parts, misfit{place: place + name, given: value, kind: field.Type})
			}
		}
	}
	return parts
}

// read gives the zero value of what is something else.
func read[T any](data json.RawMessage) T {
	var value T
	if json.Unmarshal(data, &value) != nil {
		var none T
		return none
	}
	return value
}
