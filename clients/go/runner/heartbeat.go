package runner

import (
	"context"
	"time"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/attempt"
	"spanloom.dev/go/internal/rpc"
)

// unheardFor is how long a cancellation may stay unheard: what a server promises of polls, which are not made while all
// slots are taken.
const unheardFor = time.Second

// heartbeatOptions is what a heartbeat takes.
type heartbeatOptions struct {
	service  taskService
	runnerID string
	pool     interface {
		all() []*held
		abort(id attemptID, kind attempt.AbortKind, why string) bool
	}
	// Attempts that ended here and that the server may not know of; their leases are kept too.
	unreported func() []*held
	// A third of the lease.
	interval time.Duration
	// Whether a poll waits at the server, whose answer tells of cancellations as soon as there are any.
	polls   func() bool
	drained func()
	log     func(format string, arguments ...any)
}

// heartbeat keeps the leases of all attempts of a runner, with one call for all of them.
//
// I1. A lost attempt is told to stop and is never reported; a cancelled one is told to stop and is.
// I2. A call that fails changes nothing: the server may be away for longer than the leases, and whether they were lost is
// the server's to say.
//
// I3. An attempt that is cancelled is told so within a second, also while the runner asks for no tasks.
type heartbeat struct {
	options heartbeatOptions
	failing bool
}

// run makes calls until ctx is done; the first at once, as it tells the server what the runner's clock says.
//
// One is due an interval after the last began, however long that took; sooner when it failed, or no poll hears (I3).
func (h *heartbeat) run(ctx context.Context) {
	var due time.Time
	for ctx.Err() == nil {
		began := time.Now()
		if !began.Before(due) || !h.options.polls() && len(h.options.pool.all()) > 0 {
			h.failing = !h.beat(ctx)
			due = began.Add(h.options.interval)
			if h.failing {
				due = time.Now().Add(h.options.interval / 4)
			}
		}
		// Its error is that of ctx, which the loop ends by.
		_ = rpc.Pause(ctx, max(0, min(time.Until(due), unheardFor)))
	}
}

// beat makes one call; gives whether the server answered.
func (h *heartbeat) beat(ctx context.Context) bool {
	request := &spanloomv1.HeartbeatRequest{
		RunnerId:       h.options.runnerID,
		Running:        h.running(),
		SentAtUnixNano: uint64(time.Now().UnixNano()),
	}
	// Twice the interval: on a busy machine a late answer still keeps leases of three intervals.
	answer, err := unary(ctx, 2*h.options.interval, h.options.service.Heartbeat, request)
	if err != nil {
		// The next one comes sooner, and the lease loop tells of an outage (I2).
		if !h.failing && ctx.Err() == nil {
			h.options.log("heartbeat failed: %s", err)
		}
		return false
	}
	for _, each := range answer.GetLost() {
		// One that was reported while the call was under way is no longer held, and rightly without a lease.
		if h.options.pool.abort(attemptID{each.GetTaskId(), each.GetAttempt()}, attempt.LeaseLost, "its lease was lost") {
			h.options.log("lost the lease of task %s, attempt %d", each.GetTaskId(), each.GetAttempt())
		}
	}
	for _, each := range answer.GetCancelled() {
		abortCancelled(h.options.pool.abort, each)
	}
	if answer.GetDrain() {
		h.options.drained()
	}
	return true
}

func (h *heartbeat) running() []*spanloomv1.RunningAttempt {
	attempts := map[*held]bool{}
	for _, each := range h.options.pool.all() {
		attempts[each] = true
	}
	for _, each := range h.options.unreported() {
		attempts[each] = true
	}
	running := make([]*spanloomv1.RunningAttempt, 0, len(attempts))
	for each := range attempts {
		running = append(running, &spanloomv1.RunningAttempt{
			TaskId:     each.id.task,
			Attempt:    each.id.number,
			LeaseToken: each.task.GetLeaseToken(),
			Progress:   each.progress(),
		})
	}
	return running
}
