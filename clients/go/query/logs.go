package query

import (
	"context"
	"slices"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
)

// LogQuery is a query for log records, run as [Query] is. It never changes: each of its methods gives a new one.
type LogQuery struct {
	Query

	client     *Client
	conditions []Condition
	selection  selection
}

func (q *LogQuery) with(change func(*LogQuery)) *LogQuery {
	made := &LogQuery{client: q.client, conditions: slices.Clone(q.conditions), selection: q.selection}
	change(made)
	filter, err := logFilter(made.conditions)
	made.Query = *newQuery(made.client, spanloomv1connect.QueryServiceQueryLogsProcedure, &spanloomv1.QueryLogsRequest{
		Filter: filter, Columns: made.selection.columns, AttributeColumns: made.selection.attributes,
		OrderBy: made.selection.order, Limit: made.selection.limit,
	}, err)
	return made
}

// Where narrows by further conditions; those given before must hold too.
func (q *LogQuery) Where(conditions ...Condition) *LogQuery {
	return q.with(func(made *LogQuery) { made.conditions = append(made.conditions, conditions...) })
}

// Columns returns these columns only; replaces an earlier choice.
func (q *LogQuery) Columns(columns ...string) *LogQuery {
	return q.with(func(made *LogQuery) { made.selection.columns = columns })
}

// AttributeColumns returns attributes as columns of their own; replaces an earlier choice.
func (q *LogQuery) AttributeColumns(columns ...*spanloomv1.AttributeColumn) *LogQuery {
	return q.with(func(made *LogQuery) { made.selection.attributes = columns })
}

// OrderBy sorts by these columns, the first first; a minus before one means largest first.
func (q *LogQuery) OrderBy(columns ...string) *LogQuery {
	return q.with(func(made *LogQuery) { made.selection.order = orderOf(columns) })
}

// Limit returns at most so many rows; 0 means all.
func (q *LogQuery) Limit(limit uint64) *LogQuery {
	return q.with(func(made *LogQuery) { made.selection.limit = limit })
}

// Tail describes how to follow what matches, as it comes.
//
// Errors: InvalidField for a query with an order or a limit.
func (q *LogQuery) Tail(options TailOptions) *Tail {
	filter, err := logFilter(q.conditions)
	if err == nil {
		err = q.selection.checkTail()
	}
	follow := func(ctx context.Context, position string, take func(*message) (bool, error)) error {
		request := &spanloomv1.TailLogsRequest{
			Filter: filter, Columns: q.selection.columns, AttributeColumns: q.selection.attributes,
			IncludeExisting: options.Existing, Position: position,
		}
		return call(ctx, q.client, spanloomv1connect.QueryServiceTailLogsProcedure, request, take)
	}
	return &Tail{follow: follow, options: options, err: err}
}
