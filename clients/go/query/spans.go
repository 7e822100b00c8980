package query

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
)

// SpanQuery is a query for spans, run as [Query] is. It never changes: each of its methods gives a new one.
type SpanQuery struct {
	Query

	client     *Client
	conditions []Condition
	selection  selection
}

// selection is which columns to return, in which order, and how many rows; what is empty is left to the server.
type selection struct {
	columns    []string
	attributes []*spanloomv1.AttributeColumn
	order      []*spanloomv1.Order
	limit      uint64
}

func (s selection) isEmpty() bool {
	return s.columns == nil && s.attributes == nil && s.order == nil && s.limit == 0
}

// with gives the query anew, as change makes it.
func (q *SpanQuery) with(change func(*SpanQuery)) *SpanQuery {
	made := &SpanQuery{client: q.client, conditions: slices.Clone(q.conditions), selection: q.selection}
	change(made)
	filter, err := spanFilter(made.conditions)
	made.Query = *newQuery(made.client, spanloomv1connect.QueryServiceQuerySpansProcedure, &spanloomv1.QuerySpansRequest{
		Filter: filter, Columns: made.selection.columns, AttributeColumns: made.selection.attributes,
		OrderBy: made.selection.order, Limit: made.selection.limit,
	}, err)
	return made
}

// Where narrows by further conditions; those given before must hold too.
func (q *SpanQuery) Where(conditions ...Condition) *SpanQuery {
	return q.with(func(made *SpanQuery) { made.conditions = append(made.conditions, conditions...) })
}

// Columns returns these columns only; replaces an earlier choice.
func (q *SpanQuery) Columns(columns ...string) *SpanQuery {
	return q.with(func(made *SpanQuery) { made.selection.columns = columns })
}

// AttributeColumns returns attributes as columns of their own; replaces an earlier choice.
func (q *SpanQuery) AttributeColumns(columns ...*spanloomv1.AttributeColumn) *SpanQuery {
	return q.with(func(made *SpanQuery) { made.selection.attributes = columns })
}

// OrderBy sorts by these columns, the first first; a minus before one means largest first.
func (q *SpanQuery) OrderBy(columns ...string) *SpanQuery {
	return q.with(func(made *SpanQuery) { made.selection.order = orderOf(columns) })
}

// Limit returns at most so many rows; 0 means all.
func (q *SpanQuery) Limit(limit uint64) *SpanQuery {
	return q.with(func(made *SpanQuery) { made.selection.limit = limit })
}

func orderOf(columns []string) []*spanloomv1.Order {
	var order []*spanloomv1.Order
	for _, column := range columns {
		name, descending := strings.CutPrefix(column, "-")
		order = append(order, &spanloomv1.Order{Column: name, Descending: descending})
	}
	return order
}

// What to measure of a group of spans; durations are nanoseconds.
const (
	Count  = spanloomv1.Measure_MEASURE_COUNT
	Errors = spanloomv1.Measure_MEASURE_ERRORS
	Sum    = spanloomv1.Measure_MEASURE_SUM
	Mean   = spanloomv1.Measure_MEASURE_MEAN
	Min    = spanloomv1.Measure_MEASURE_MIN
	Max    = spanloomv1.Measure_MEASURE_MAX
	P50    = spanloomv1.Measure_MEASURE_P50
	P90    = spanloomv1.Measure_MEASURE_P90
	P95    = spanloomv1.Measure_MEASURE_P95
	P99    = spanloomv1.Measure_MEASURE_P99
)

// Aggregation says how to group spans, and what to measure of each group; fields left out mean none.
type Aggregation struct {
	// GroupBy names columns, at most 8 with the attributes.
	GroupBy []string
	// GroupByAttributes are attributes to group by, after the columns.
	GroupByAttributes []*spanloomv1.AttributeColumn
	// Measures to take; empty means all.
	Measures []spanloomv1.Measure
	// TimeBucket is the width of time buckets over the start.
	TimeBucket time.Duration
	// OrderBy names columns of the result; a minus before one means largest first.
	OrderBy []string
	// Limit is the most groups.
	Limit uint64
}

// Aggregate groups the spans that match, and measures each group.
//
// Errors: InvalidField for a query with columns, an order or a limit of its own.
func (q *SpanQuery) Aggregate(aggregation Aggregation) *Query {
	filter, err := spanFilter(q.conditions)
	if err == nil && !q.selection.isEmpty() {
		err = invalid("aggregate", "cannot query: Aggregate follows Columns, OrderBy or Limit of spans")
	}
	request := &spanloomv1.AggregateSpansRequest{
		Filter: filter, Measures: aggregation.Measures, OrderBy: orderOf(aggregation.OrderBy), Limit: aggregation.Limit,
	}
	for _, column := range aggregation.GroupBy {
		request.GroupBy = append(request.GroupBy, &spanloomv1.GroupKey{Key: &spanloomv1.GroupKey_Column{Column: column}})
	}
	for _, column := range aggregation.GroupByAttributes {
		request.GroupBy = append(request.GroupBy, &spanloomv1.GroupKey{Key: &spanloomv1.GroupKey_Attribute{Attribute: column}})
	}
	if aggregation.TimeBucket < 0 {
		err = invalid("time_bucket", "cannot query: time_bucket is %s, must be at least 0s", aggregation.TimeBucket)
	} else if aggregation.TimeBucket > 0 {
		request.TimeBucket = durationpb.New(aggregation.TimeBucket)
	}
	return newQuery(q.client, spanloomv1connect.QueryServiceAggregateSpansProcedure, request, err)
}

// Tail describes how to follow what matches, as it opens, changes and ends.
//
// Errors: InvalidField for a query with an order or a limit.
func (q *SpanQuery) Tail(options TailOptions) *Tail {
	filter, err := spanFilter(q.conditions)
	if err == nil {
		err = q.selection.checkTail()
	}
	follow := func(ctx context.Context, position string, take func(*message) (bool, error)) error {
		request := &spanloomv1.TailSpansRequest{
			Filter: filter, Columns: q.selection.columns, AttributeColumns: q.selection.attributes,
			IncludeExisting: options.Existing, Position: position,
		}
		return call(ctx, q.client, spanloomv1connect.QueryServiceTailSpansProcedure, request, take)
	}
	return &Tail{follow: follow, options: options, err: err}
}
