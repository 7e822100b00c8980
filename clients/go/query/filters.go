package query

import (
	"fmt"
	"slices"
	"strings"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// And holds when all of the conditions do; it is for what stands within [Or], as a query's conditions must all hold anyway.
func And(conditions ...Condition) Condition {
	return Condition{
		name: "and",
		span: func(f *spanloomv1.SpanFilter) (err error) {
			f.And, err = spanFilters(conditions)
			return err
		},
		log: func(f *spanloomv1.LogFilter) (err error) {
			f.And, err = logFilters(conditions)
			return err
		},
	}
}

// Or holds when any of the conditions does.
func Or(conditions ...Condition) Condition {
	if len(conditions) == 0 {
		return nothing("or")
	}
	return Condition{
		name: "or",
		span: func(f *spanloomv1.SpanFilter) (err error) {
			f.Or, err = spanFilters(conditions)
			return err
		},
		log: func(f *spanloomv1.LogFilter) (err error) {
			f.Or, err = logFilters(conditions)
			return err
		},
	}
}

// Not holds when the conditions do not all hold.
func Not(conditions ...Condition) Condition {
	return Condition{
		name: "not",
		span: func(f *spanloomv1.SpanFilter) (err error) {
			f.Not, err = spanFilter(conditions)
			return err
		},
		log: func(f *spanloomv1.LogFilter) (err error) {
			f.Not, err = logFilter(conditions)
			return err
		},
	}
}

// nothing matches nothing: what is none of a list that is empty.
func nothing(name string) Condition {
	return Condition{
		name: name,
		span: func(f *spanloomv1.SpanFilter) error { f.Not = &spanloomv1.SpanFilter{}; return nil },
		log:  func(f *spanloomv1.LogFilter) error { f.Not = &spanloomv1.LogFilter{}; return nil },
	}
}

// names is a condition with a list of texts; log is nil for one on spans alone.
func names(
	name string, values []string, span func(*spanloomv1.SpanFilter) *[]string, log func(*spanloomv1.LogFilter) *[]string,
) Condition {
	made := nothing(name)
	if len(values) > 0 {
		made.span = func(f *spanloomv1.SpanFilter) error { *span(f) = values; return nil }
		made.log = func(f *spanloomv1.LogFilter) error { *log(f) = values; return nil }
	}
	if log == nil {
		made.log = nil
	}
	return made
}

// ofSpans is a condition on spans alone, with so many alternatives.
func ofSpans(name string, alternatives int, set func(*spanloomv1.SpanFilter)) Condition {
	if alternatives == 0 {
		return Condition{name: name, span: nothing(name).span}
	}
	return Condition{name: name, span: func(f *spanloomv1.SpanFilter) error { set(f); return nil }}
}

// hexes is a condition with a list of ids of so many hex digits, in any case.
func hexes(
	name string, digits int, ids []string, span func(*spanloomv1.SpanFilter) *[]string, log func(*spanloomv1.LogFilter) *[]string,
) Condition {
	lower := slices.Clone(ids)
	for index, id := range ids {
		lower[index] = strings.ToLower(id)
		if len(id) != digits || strings.Trim(lower[index], "0123456789abcdef") != "" {
			return refused(name, invalid(name, "cannot query: %s is %q, must be %d hex digits", name, id, digits))
		}
	}
	return names(name, lower, span, log)
}

// refused is a condition that no query can be run with.
func refused(name string, err error) Condition {
	return Condition{
		name: name,
		span: func(*spanloomv1.SpanFilter) error { return err },
		log:  func(*spanloomv1.LogFilter) error { return err },
	}
}

// spanFilter is the filter that holds when all conditions do.
func spanFilter(conditions []Condition) (*spanloomv1.SpanFilter, error) {
	filters, err := spanFilters(conditions)
	if len(filters) == 1 {
		return filters[0], err
	}
	return &spanloomv1.SpanFilter{And: filters}, err
}

// spanFilters gives each condition a filter of its own, as two of a kind must both hold.
func spanFilters(conditions []Condition) ([]*spanloomv1.SpanFilter, error) {
	var filters []*spanloomv1.SpanFilter
	for _, each := range conditions {
		if each.span == nil {
			return nil, invalid(each.name, "cannot query: %q is no condition on spans", each.name)
		}
		filter := &spanloomv1.SpanFilter{}
		if err := each.span(filter); err != nil {
			return nil, err
		}
		filters = append(filters, filter)
	}
	return filters, nil
}

func logFilter(conditions []Condition) (*spanloomv1.LogFilter, error) {
	filters, err := logFilters(conditions)
	if len(filters) == 1 {
		return filters[0], err
	}
	return &spanloomv1.LogFilter{And: filters}, err
}

func logFilters(conditions []Condition) ([]*spanloomv1.LogFilter, error) {
	var filters []*spanloomv1.LogFilter
	for _, each := range conditions {
		if each.log == nil {
			return nil, invalid(each.name, "cannot query: %q is no condition on log records", each.name)
		}
		filter := &spanloomv1.LogFilter{}
		if err := each.log(filter); err != nil {
			return nil, err
		}
		filters = append(filters, filter)
	}
	return filters, nil
}

func invalid(field, format string, arguments ...any) error {
	return &spanloom.Error{Reason: spanloom.InvalidField, Field: field, Message: fmt.Sprintf(format, arguments...)}
}
