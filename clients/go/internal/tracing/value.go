package tracing

import (
	"encoding"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
)

// maxDepth is how many levels of arrays and maps are kept: a fourth of what the server reads.
const maxDepth = 16

// attributesOf gives attributes as OTLP's, but for those whose names are left out.
func attributesOf(attributes []attribute.KeyValue, without map[string]bool) []*commonv1.KeyValue {
	if len(attributes) == 0 {
		return nil
	}
	made := make([]*commonv1.KeyValue, 0, len(attributes))
	for _, each := range attributes {
		if !without[string(each.Key)] {
			made = append(made, keyValue(string(each.Key), attributeValue(each.Value)))
		}
	}
	return made
}

func attributeValue(value attribute.Value) *commonv1.AnyValue {
	switch value.Type() {
	case attribute.BOOL:
		return boolValue(value.AsBool())
	case attribute.INT64:
		return intValue(value.AsInt64())
	case attribute.FLOAT64:
		return doubleValue(value.AsFloat64())
	case attribute.STRING:
		return textValue(value.AsString())
	case attribute.BOOLSLICE:
		return arrayValue(value.AsBoolSlice(), boolValue)
	case attribute.INT64SLICE:
		return arrayValue(value.AsInt64Slice(), intValue)
	case attribute.FLOAT64SLICE:
		return arrayValue(value.AsFloat64Slice(), doubleValue)
	case attribute.STRINGSLICE:
		return arrayValue(value.AsStringSlice(), textValue)
	case attribute.BYTESLICE:
		return bytesValue(value.AsByteSlice())
	case attribute.SLICE:
		return arrayValue(value.AsSlice(), attributeValue)
	case attribute.MAP:
		return mapValue(attributesOf(value.AsMap(), nil))
	case attribute.EMPTY:
		return &commonv1.AnyValue{}
	default:
		return textValue(value.String())
	}
}

// slogValue gives a value of log/slog as OTLP's AnyValue. It never panics.
func slogValue(value slog.Value, depth int) (made *commonv1.AnyValue) {
	defer func() {
		// Resolving or reading it panicked: the record is worth having without this value.
		if recover() != nil {
			made = textValue("[unreadable]")
		}
	}()
	value = value.Resolve()
	switch value.Kind() {
	case slog.KindBool:
		return boolValue(value.Bool())
	case slog.KindInt64:
		return intValue(value.Int64())
	case slog.KindUint64:
		return uintValue(value.Uint64())
	case slog.KindFloat64:
		return doubleValue(value.Float64())
	case slog.KindString:
		return textValue(value.String())
	case slog.KindGroup:
		if depth >= maxDepth {
			return textValue("[nested too deep]")
		}
		return mapValue(slogAttributes(value.Group(), depth+1))
	case slog.KindAny:
		return anyValue(value.Any(), nil)
	default:
		return anyValue(value.Any(), nil)
	}
}

// slogAttributes gives attributes of log/slog as OTLP's; groups without a name are part of what surrounds them.
func slogAttributes(attributes []slog.Attr, depth int) []*commonv1.KeyValue {
	made := make([]*commonv1.KeyValue, 0, len(attributes))
	for _, each := range attributes {
		switch {
		case each.Equal(slog.Attr{}):
		case each.Key == "" && each.Value.Kind() == slog.KindGroup && depth < maxDepth:
			made = append(made, slogAttributes(each.Value.Group(), depth+1)...)
		default:
			made = append(made, keyValue(each.Key, slogValue(each.Value, depth)))
		}
	}
	return made
}

// anyValue gives any value as OTLP's AnyValue. It never panics.
//
// What OTLP has no type for becomes text; a value within itself is "[circular]", one deeper than maxDepth
// "[nested too deep]", one that panics when it is read "[unreadable]"; nil becomes an empty value.
func anyValue(value any, ancestors []uintptr) (made *commonv1.AnyValue) {
	defer func() {
		if recover() != nil {
			made = textValue("[unreadable]")
		}
	}()
	switch value := value.(type) {
	case nil:
		return &commonv1.AnyValue{}
	case []byte:
		return bytesValue(value)
	case error:
		return textValue(value.Error())
	case time.Time:
		return textValue(value.Format(time.RFC3339Nano))
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		if err != nil {
			return textValue("[unreadable]")
		}
		return textValue(string(text))
	case fmt.Stringer:
		return textValue(value.String())
	default:
		return reflectedValue(reflect.ValueOf(value), ancestors)
	}
}

func reflectedValue(value reflect.Value, ancestors []uintptr) *commonv1.AnyValue {
	switch value.Kind() {
	case reflect.Bool:
		return boolValue(value.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intValue(value.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return uintValue(value.Uint())
	case reflect.Float32, reflect.Float64:
		return doubleValue(value.Float())
	case reflect.String:
		return textValue(value.String())
	case reflect.Pointer:
		if value.IsNil() {
			return &commonv1.AnyValue{}
		}
		return within(value.Pointer(), ancestors, func(ancestors []uintptr) *commonv1.AnyValue {
			return anyValue(value.Elem().Interface(), ancestors)
		})
	case reflect.Slice:
		return within(value.Pointer(), ancestors, func(ancestors []uintptr) *commonv1.AnyValue {
			return listValue(value, ancestors)
		})
	case reflect.Array:
		return within(0, ancestors, func(ancestors []uintptr) *commonv1.AnyValue { return listValue(value, ancestors) })
	case reflect.Map:
		return within(value.Pointer(), ancestors, func(ancestors []uintptr) *commonv1.AnyValue {
			return entriesValue(value, ancestors)
		})
	default:
		return textValue(fmt.Sprintf("%+v", value.Interface()))
	}
}

// within reads what lies within the value at an address, unless that is within itself or too deep.
func within(address uintptr, ancestors []uintptr, read func([]uintptr) *commonv1.AnyValue) *commonv1.AnyValue {
	for _, each := range ancestors {
		if address != 0 && each == address {
			return textValue("[circular]")
		}
	}
	if len(ancestors) >= maxDepth {
		return textValue("[nested too deep]")
	}
	return read(append(ancestors[:len(ancestors):len(ancestors)], address))
}

func listValue(list reflect.Value, ancestors []uintptr) *commonv1.AnyValue {
	values := make([]*commonv1.AnyValue, list.Len())
	for i := range values {
		values[i] = anyValue(list.Index(i).Interface(), ancestors)
	}
	return &commonv1.AnyValue{Value: &commonv1.AnyValue_ArrayValue{ArrayValue: &commonv1.ArrayValue{Values: values}}}
}

func entriesValue(entries reflect.Value, ancestors []uintptr) *commonv1.AnyValue {
	pairs := make([]*commonv1.KeyValue, 0, entries.Len())
	for each := entries.MapRange(); each.Next(); {
		pairs = append(pairs, keyValue(fmt.Sprint(each.Key().Interface()), anyValue(each.Value().Interface(), ancestors)))
	}
	return mapValue(pairs)
}

func keyValue(key string, value *commonv1.AnyValue) *commonv1.KeyValue {
	return &commonv1.KeyValue{Key: validText(key), Value: value}
}

func boolValue(value bool) *commonv1.AnyValue {
	return &commonv1.AnyValue{Value: &commonv1.AnyValue_BoolValue{BoolValue: value}}
}

func intValue(value int64) *commonv1.AnyValue {
	return &commonv1.AnyValue{Value: &commonv1.AnyValue_IntValue{IntValue: value}}
}

// uintValue gives a number as text when OTLP's int64 cannot hold it.
func uintValue(value uint64) *commonv1.AnyValue {
	if value > math.MaxInt64 {
		return textValue(strconv.FormatUint(value, 10))
	}
	return intValue(int64(value))
}

func doubleValue(value float64) *commonv1.AnyValue {
	return &commonv1.AnyValue{Value: &commonv1.AnyValue_DoubleValue{DoubleValue: value}}
}

func textValue(value string) *commonv1.AnyValue {
	return &commonv1.AnyValue{Value: &commonv1.AnyValue_StringValue{StringValue: validText(value)}}
}

func bytesValue(value []byte) *commonv1.AnyValue {
	return &commonv1.AnyValue{Value: &commonv1.AnyValue_BytesValue{BytesValue: value}}
}

func mapValue(pairs []*commonv1.KeyValue) *commonv1.AnyValue {
	return &commonv1.AnyValue{Value: &commonv1.AnyValue_KvlistValue{KvlistValue: &commonv1.KeyValueList{Values: pairs}}}
}

func arrayValue[T any](values []T, of func(T) *commonv1.AnyValue) *commonv1.AnyValue {
	made := make([]*commonv1.AnyValue, len(values))
	for i, each := range values {
		made[i] = of(each)
	}
	return &commonv1.AnyValue{Value: &commonv1.AnyValue_ArrayValue{ArrayValue: &commonv1.ArrayValue{Values: made}}}
}

// validText gives text that UTF-8 can hold, which protobuf insists on: what it cannot becomes a replacement character.
func validText(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return strings.ToValidUTF8(text, "�")
}
