package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/attempt"
	"spanloom.dev/go/internal/tracing"
)

// attemptID names an attempt.
type attemptID struct {
	task   string
	number uint32
}

type stage int

const (
	queued stage = iota
	running
	settled
)

// held is one leased attempt, from its arrival until its slot is free again.
//
//	queued --> running --> settled
//	   |          |
//	   +----------+--> lost, then settled
//
// I1. An attempt settles once: its code returned or panicked, or was abandoned, or it never ran. What its code does later
// is ignored.
// I2. A lost attempt is never reported.
//
// Concurrency: safe from any goroutine.
type held struct {
	id       attemptID
	task     *spanloomv1.LeasedTask
	code     spanloom.AnyTask
	leasedAt time.Time

	mu      sync.Mutex
	stage   stage
	lost    bool
	ctx     context.Context
	stop    context.CancelCauseFunc
	release []func()
	// Made when its code begins.
	startedAt time.Time
	state     *attempt.State
	tracing   *tracing.Attempt
}

func newHeld(ctx context.Context, task *spanloomv1.LeasedTask, code spanloom.AnyTask) *held {
	made := &held{
		id:       attemptID{task.GetTaskId(), task.GetAttempt()},
		task:     task,
		code:     code,
		leasedAt: time.Now(),
	}
	made.ctx, made.stop = context.WithCancelCause(ctx)
	return made
}

// start gives it a slot; false when it has settled meanwhile.
func (h *held) start() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stage != queued {
		return false
	}
	h.stage, h.startedAt = running, time.Now()
	return true
}

// settle ends it; false when it had ended before (I1).
func (h *held) settle() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stage == settled {
		return false
	}
	h.stage = settled
	return true
}

// drop ends it before it got a slot; false when it had one.
func (h *held) drop() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stage != queued {
		return false
	}
	h.stage = settled
	return true
}

// abort tells the code to stop; only the first reason counts.
func (h *held) abort(kind attempt.AbortKind, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if kind == attempt.LeaseLost {
		h.lost = true
	}
	h.stop(h.aborting(kind, why))
}

func (h *held) aborting(kind attempt.AbortKind, why string) *attempt.AttemptAborted {
	message := fmt.Sprintf("attempt %d of task %q must stop: %s", h.id.number, h.task.GetIdentifier().GetName(), why)
	return &attempt.AttemptAborted{Kind: kind, Message: message}
}

// aborted gives why it was told to stop; nil while it was not.
func (h *held) aborted() *attempt.AttemptAborted {
	h.mu.Lock()
	defer h.mu.Unlock()
	var told *attempt.AttemptAborted
	if errors.As(context.Cause(h.ctx), &told) {
		return told
	}
	return nil
}

// isLost says whether its lease was lost.
func (h *held) isLost() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

// begin makes ready what the code is given, with a deadline if there is one; told is called when it is told to stop.
func (h *held) begin(host *tracing.Host, state *attempt.State, told func()) context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx := h.ctx
	if left, limited := h.timeLeft(); limited {
		why := h.aborting(attempt.Timeout, "its timeout or its job's deadline passed")
		var release context.CancelFunc
		ctx, release = context.WithDeadlineCause(ctx, h.startedAt.Add(left), why)
		h.release = append(h.release, release)
	}
	h.ctx = ctx
	unwatch := context.AfterFunc(ctx, told)
	h.release = append(h.release, func() { unwatch() })
	h.state = state
	ctx, h.tracing = tracing.NewAttempt(ctx, host, h.task, h.startedAt)
	return attempt.With(ctx, state)
}

// timeLeft gives the time that was left when the lease was granted, by the server's clock alone, so that clocks may
// differ.
func (h *held) timeLeft() (time.Duration, bool) {
	if h.task.GetDeadline() == nil {
		return 0, false
	}
	lease := defaultLease
	if h.task.GetLeaseDuration() != nil {
		lease = h.task.GetLeaseDuration().AsDuration()
	}
	leased := h.task.GetLeaseExpiresAt().AsTime().Add(-lease)
	return max(0, h.task.GetDeadline().AsTime().Sub(leased)), true
}

// finish lets go of what running it took, and gives what its tracing has left; call it once, after it has settled.
func (h *held) finish(endedAt time.Time) (result *spanloomv1.TaskResult, entries tracing.Entries) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, release := range h.release {
		release()
	}
	// The code of an attempt that succeeded may have left goroutines behind that wait for its context.
	h.stop(context.Canceled)
	startedAt := h.startedAt
	if startedAt.IsZero() {
		startedAt = endedAt
	}
	result = newResult(h.task, startedAt, endedAt)
	if h.state == nil {
		return result, entries
	}
	h.state.End()
	result.Progress = h.state.Progress()
	own, entries, dropped := h.tracing.Finish(endedAt)
	result.AttemptSpan, result.DroppedTelemetry = own, uint64(dropped)
	return result, entries
}

// progress gives how far it is.
func (h *held) progress() []*spanloomv1.Progress {
	h.mu.Lock()
	state := h.state
	h.mu.Unlock()
	if state == nil {
		return nil
	}
	return state.Progress()
}

// longRunning gives its tracing when its code runs and began before a time; nil otherwise.
func (h *held) longRunning(before time.Time) *tracing.Attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stage != running || h.startedAt.After(before) {
		return nil
	}
	return h.tracing
}
