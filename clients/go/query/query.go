package query

import (
	"context"
	"errors"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	spanloom "spanloom.dev/go"
	"spanloom.dev/go/internal/rpc"
)

const maxAttempts = 5

// Query is a query that has been described but not run; each method runs it once. It never changes, and may be run any
// number of times, also at the same time.
//
// Errors: an [*spanloom.Error]: InvalidField and UnsupportedQuery (caller); TelemetryUnavailable, StoreUnavailable,
// Overloaded and DeadlineExceeded (transient). A query that failed so before its answer began is run again, up to five
// times.
type Query struct {
	run func(ctx context.Context, take func(*message) (bool, error)) error
	err error
}

// newQuery describes a query; err is what is wrong with its description.
func newQuery[Request any](c *Client, procedure string, request *Request, err error) *Query {
	run := func(ctx context.Context, take func(*message) (bool, error)) error {
		return call(ctx, c, procedure, request, take)
	}
	return &Query{run: run, err: err}
}

// Batches runs the query and gives its answer batch by batch, holding one piece of it in memory at a time. Each batch has
// dictionaries of its own. Leaving the loop ends the query.
//
// Batches are on the garbage collector's memory: they stay good after the loop, and need no Release.
func (q *Query) Batches(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for part, err := range q.parts(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if part.batch != nil && !yield(part.batch, nil) {
				return
			}
		}
	}
}

// Table runs the query and holds the whole answer. Columns are views of the bytes received; a dictionary column has one
// dictionary throughout. With no rows it still has its schema.
func (q *Query) Table(ctx context.Context) (arrow.Table, error) {
	var schema *arrow.Schema
	var batches []arrow.RecordBatch
	for part, err := range q.parts(ctx) {
		if err != nil {
			return nil, err
		}
		if schema == nil {
			schema = part.schema
		}
		if part.batch != nil {
			batches = append(batches, part.batch)
		}
	}
	if schema == nil {
		return nil, broken(errors.New("it has no schema"))
	}
	table, err := array.UnifyTableDicts(memory.DefaultAllocator, array.NewTableFromRecords(schema, batches))
	if err != nil {
		return nil, broken(err)
	}
	return table, nil
}

// parts gives the parts of the answer. Nothing was given before the first message, so until then it may begin anew.
func (q *Query) parts(ctx context.Context) iter.Seq2[part, error] {
	return func(yield func(part, error) bool) {
		if q.err != nil {
			yield(part{}, q.err)
			return
		}
		for attempt := 1; ; attempt++ {
			begun, done, err := q.once(ctx, yield)
			if done {
				return
			}
			var problem *spanloom.Error
			again := !begun && attempt < maxAttempts && ctx.Err() == nil && errors.As(err, &problem) && problem.Retryable()
			if !again || rpc.Pause(ctx, rpc.Delay(attempt, problem.RetryAfter)) != nil {
				yield(part{}, err)
				return
			}
		}
	}
}

// once runs the query once: begun when anything was received, done when it needs no more.
func (q *Query) once(ctx context.Context, yield func(part, error) bool) (begun, done bool, err error) {
	err = q.run(ctx, func(received *message) (bool, error) {
		begun = true
		return yieldParts(received, yield)
	})
	return begun, err == nil, err
}

// yieldParts gives the parts of a message; false when no more are wanted.
func yieldParts(received *message, yield func(part, error) bool) (bool, error) {
	for part, err := range partsOf(received.ipc) {
		if err != nil {
			return false, err
		}
		if !yield(part, nil) {
			return false, nil
		}
	}
	return true, nil
}
