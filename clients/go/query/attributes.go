package query

import (
	"fmt"
	"math"
	"reflect"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// How to compare an attribute with a value.
const (
	Equal          = spanloomv1.Comparison_COMPARISON_EQUAL
	NotEqual       = spanloomv1.Comparison_COMPARISON_NOT_EQUAL
	Less           = spanloomv1.Comparison_COMPARISON_LESS
	LessOrEqual    = spanloomv1.Comparison_COMPARISON_LESS_OR_EQUAL
	Greater        = spanloomv1.Comparison_COMPARISON_GREATER
	GreaterOrEqual = spanloomv1.Comparison_COMPARISON_GREATER_OR_EQUAL
	Contains       = spanloomv1.Comparison_COMPARISON_CONTAINS
)

// Attribute holds for what has an attribute that compares so with a value: text, a bool or a number, which is compared by
// value with integer and floating-point attributes alike.
func Attribute(key string, comparison spanloomv1.Comparison, value any) Condition {
	return compared(fmt.Sprintf("attributes[%q]", key), key, comparison, value, false)
}

// Resource is as [Attribute], of the attributes of the resource.
func Resource(key string, comparison spanloomv1.Comparison, value any) Condition {
	return compared(fmt.Sprintf("resource[%q]", key), key, comparison, value, true)
}

// HasAttribute holds for what has the attribute, with any value.
func HasAttribute(key string) Condition { return exists(key, false) }

// HasResource holds for what has the attribute of the resource, with any value.
func HasResource(key string) Condition { return exists(key, true) }

func exists(key string, resource bool) Condition {
	filter := &spanloomv1.AttributeFilter{Key: key, Comparison: spanloomv1.Comparison_COMPARISON_EXISTS}
	return attribute("attributes", filter, resource)
}

func compared(name, key string, comparison spanloomv1.Comparison, value any, resource bool) Condition {
	filters, err := attributeFilters(name, key, comparison, value)
	if err != nil {
		return refused(name, err)
	}
	var alternatives []Condition
	for _, each := range filters {
		alternatives = append(alternatives, attribute(name, each, resource))
	}
	switch {
	case len(alternatives) == 1:
		return alternatives[0]
	case comparison == NotEqual:
		// Present with another value, whichever type it has.
		return And(alternatives...)
	default:
		return Or(alternatives...)
	}
}

func attribute(name string, filter *spanloomv1.AttributeFilter, resource bool) Condition {
	filters := []*spanloomv1.AttributeFilter{filter}
	if resource {
		return Condition{
			name: name,
			span: func(f *spanloomv1.SpanFilter) error { f.ResourceAttributes = filters; return nil },
			log:  func(f *spanloomv1.LogFilter) error { f.ResourceAttributes = filters; return nil },
		}
	}
	return Condition{
		name: name,
		span: func(f *spanloomv1.SpanFilter) error { f.Attributes = filters; return nil },
		log:  func(f *spanloomv1.LogFilter) error { f.Attributes = filters; return nil },
	}
}

// attributeFilters gives the comparison as one for each type that the value may have.
func attributeFilters(
	name, key string, comparison spanloomv1.Comparison, value any,
) ([]*spanloomv1.AttributeFilter, error) {
	made := func() *spanloomv1.AttributeFilter {
		return &spanloomv1.AttributeFilter{Key: key, Comparison: comparison}
	}
	if comparison < Equal || comparison > Contains || comparison == spanloomv1.Comparison_COMPARISON_EXISTS {
		return nil, invalid(name, "cannot query: %s is compared by %s, which takes no value", name, comparison)
	}
	text, isText := value.(string)
	truth, isTruth := value.(bool)
	integer, fraction, isNumber := numberOf(value)
	switch {
	case isText:
		filter := made()
		filter.Value = &spanloomv1.AttributeFilter_StringValue{StringValue: text}
		return []*spanloomv1.AttributeFilter{filter}, nil
	case comparison == Contains, !isTruth && !isNumber:
		return nil, invalid(name, "cannot query: %s is %#v, must be text, a number or a bool", name, value)
	case isTruth:
		filter := made()
		filter.Value = &spanloomv1.AttributeFilter_BoolValue{BoolValue: truth}
		return []*spanloomv1.AttributeFilter{filter}, nil
	}
	double := made()
	double.Value = &spanloomv1.AttributeFilter_DoubleValue{DoubleValue: fraction}
	whole := made()
	if integer == nil {
		whole.Comparison, integer = integerBound(comparison, fraction)
	}
	if integer == nil {
		return []*spanloomv1.AttributeFilter{double}, nil
	}
	whole.Value = &spanloomv1.AttributeFilter_IntValue{IntValue: *integer}
	return []*spanloomv1.AttributeFilter{whole, double}, nil
}

// numberOf gives a number as a fraction, and as an integer where it is of an integer type and fits.
func numberOf(value any) (integer *int64, fraction float64, ok bool) {
	switch number := reflect.ValueOf(value); {
	case number.CanInt():
		whole := number.Int()
		return &whole, float64(whole), true
	case number.CanUint():
		fraction = float64(number.Uint())
		if number.Uint() > math.MaxInt64 {
			return nil, fraction, true
		}
		whole := int64(number.Uint())
		return &whole, fraction, true
	case number.CanFloat():
		return nil, number.Float(), !math.IsNaN(number.Float())
	default:
		return nil, 0, false
	}
}

// integerBound is the comparison of integers that is equivalent to one with a fraction; nil when no integer fits it.
func integerBound(comparison spanloomv1.Comparison, fraction float64) (spanloomv1.Comparison, *int64) {
	bound := fraction
	switch comparison {
	case Less, GreaterOrEqual:
		bound = math.Ceil(fraction)
	case LessOrEqual, Greater:
		bound = math.Floor(fraction)
	}
	// 2^63 is the first that no int64 is.
	if bound == math.Trunc(bound) && bound >= math.MinInt64 && bound < math.MaxInt64 {
		integer := int64(bound)
		return comparison, &integer
	}
	// Beyond all integers: each of them is on the right side of it, or none.
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	switch {
	case fraction > 0 && (comparison == Less || comparison == LessOrEqual):
		return LessOrEqual, &most
	case fraction < 0 && (comparison == Greater || comparison == GreaterOrEqual):
		return GreaterOrEqual, &least
	default:
		return comparison, nil
	}
}
