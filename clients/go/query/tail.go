package query

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	spanloom "spanloom.dev/go"
	"spanloom.dev/go/internal/rpc"
)

// After how long a lost connection is made again, at first and at most.
const (
	firstPause = 200 * time.Millisecond
	maxPause   = 5 * time.Second
)

// TailOptions says where a tail begins, and whom it tells; fields left out mean now, and nobody.
type TailOptions struct {
	// Existing begins with what matches already.
	Existing bool
	// Position goes on where an earlier tail was, as OnPosition was told last. Existing has no meaning then.
	Position string
	// OnPosition is told how far the loop has come, whenever it asks for more: keep it, and a later tail goes on after it.
	OnPosition func(position string)
	// OnInterrupted is told that the connection was lost, or the server is away; it is tried again, after up to 5 s.
	OnInterrupted func(err error)
}

// Tail is rows as they come: a query without an end, but for that of the jobs it names.
//
// A span comes each time it changed, as it is then, within about a second; while open its end_time and duration_ns are
// null. It may come more than once unchanged, and is not sent when it no longer matches. A log record comes once, rarely
// twice.
type Tail struct {
	follow  func(ctx context.Context, position string, take func(*message) (bool, error)) error
	options TailOptions
	err     error
}

// Batches follows until the jobs that are named have ended, the loop is left, or the context is done, which is its last
// error. A connection that is lost is made again, and nothing is missed meanwhile. Each batch has dictionaries of its own.
//
// Errors: as of [Query], as long as the server has not answered; then those that are not transient.
func (t *Tail) Batches(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if t.err != nil {
			yield(nil, t.err)
			return
		}
		following := &follower{tail: t, position: t.options.Position}
		for {
			err := t.follow(ctx, following.position, func(received *message) (bool, error) { return following.take(received, yield) })
			if err == nil {
				return
			}
			if !following.goesOn(ctx, err) {
				yield(nil, err)
				return
			}
		}
	}
}

// follower is where a tail stands.
type follower struct {
	tail     *Tail
	position string
	heard    bool
	failures int
}

func (f *follower) take(received *message, yield func(arrow.RecordBatch, error) bool) (bool, error) {
	f.heard, f.failures = true, 0
	more, err := yieldParts(received, func(part part, _ error) bool { return part.batch == nil || yield(part.batch, nil) })
	if err != nil || !more {
		return more, err
	}
	if received.position != "" && received.position != f.position {
		f.position = received.position
		if f.tail.options.OnPosition != nil {
			f.tail.options.OnPosition(f.position)
		}
	}
	return true, nil
}

// goesOn waits after a failure; false when it is the last.
func (f *follower) goesOn(ctx context.Context, err error) bool {
	var problem *spanloom.Error
	if !f.heard || ctx.Err() != nil || !errors.As(err, &problem) || !problem.Retryable() {
		return false
	}
	if f.tail.options.OnInterrupted != nil {
		f.tail.options.OnInterrupted(err)
	}
	pause := min(firstPause<<min(f.failures, 10), maxPause)
	f.failures++
	return rpc.Pause(ctx, pause) == nil
}

func (s selection) checkTail() error {
	if s.order != nil {
		return invalid("order_by", "cannot query: a tail has no order of its own")
	}
	if s.limit != 0 {
		return invalid("limit", "cannot query: limit is %d, which has no meaning for a tail", s.limit)
	}
	return nil
}
