package runner

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/attempt"
	"spanloom.dev/go/internal/rpc"
)

const (
	// maxLeaseBatch is how many tasks a call may ask for: the protocol's limit.
	maxLeaseBatch = 1_000
	// pollWait is how long a poll may sleep on the server.
	pollWait = 20 * time.Second
	// callTimeout is the deadline of an exchange, and how much longer than its wait a poll may take.
	callTimeout = 15 * time.Second
	// mendingAttempt is the backoff's step for failures that only a person can mend: long waits from the start.
	mendingAttempt = 6
	// refusedDelay is how long telemetry at least waits that the server had no room for.
	refusedDelay = 100 * time.Millisecond
)

// leaseLoopOptions is what a lease loop takes.
type leaseLoopOptions struct {
	service     taskService
	url         string
	runnerID    string
	queues      []string
	identifiers []*spanloomv1.TaskIdentifier
	pool        interface {
		free() int
		room() int
		abort(id attemptID, kind attempt.AbortKind, why string) bool
	}
	store   *store
	leased  func([]*spanloomv1.LeasedTask)
	drained func()
	// Told when the server says that it does not know the runner.
	unknown func()
	log     func(format string, arguments ...any)
}

// leaseLoop moves work in and results out: the runner's side of LeaseTasks.
//
// Two goroutines. One polls: it asks for tasks only and may sleep on the server. One exchanges: it reports results and
// asks for as many tasks as there is room for, and never sleeps on the server.
//
// I1. A result never waits for a poll; results that end during an exchange leave together with the next.
// I2. What both calls under way may bring, and what is held, never exceeds the pool's room.
// I3. A batch is sent until the server acknowledges it; an outage ends nothing.
// I4. After stopLeasing no call asks for tasks.
type leaseLoop struct {
	options leaseLoopOptions

	polling       context.Context
	stopPolling   context.CancelFunc
	reporting     context.Context
	stopReporting context.CancelFunc
	goroutines    sync.WaitGroup

	// Whether a poll waits at the server, or for a server that is away.
	waiting atomic.Bool

	mu      sync.Mutex
	changed *sync.Cond
	// Tasks that the calls under way may bring.
	reserved    int
	unreachable bool
	// Times in a row that the server had no room for telemetry.
	refusals int
}

func newLeaseLoop(options leaseLoopOptions) *leaseLoop {
	loop := &leaseLoop{options: options}
	loop.changed = sync.NewCond(&loop.mu)
	loop.reporting, loop.stopReporting = context.WithCancel(context.Background())
	loop.polling, loop.stopPolling = context.WithCancel(loop.reporting)
	return loop
}

// start begins to lease.
func (l *leaseLoop) start() {
	l.goroutines.Go(l.poll)
	l.goroutines.Go(l.report)
}

// wake says that there is something to report, or room for tasks.
func (l *leaseLoop) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.Broadcast()
}

// stopLeasing asks for no more tasks (I4); results go on being reported. Safe to call twice.
func (l *leaseLoop) stopLeasing() {
	l.stopPolling()
	l.wake()
}

// stop ends all calls; what was not reported is not. Safe to call twice.
func (l *leaseLoop) stop() {
	l.stopReporting()
	l.wake()
	l.goroutines.Wait()
}

func (l *leaseLoop) poll() {
	for failures := 0; ; {
		asked := l.awaitRoom()
		if asked == 0 {
			return
		}
		request := l.request()
		request.MaxTasks = uint32(asked)
		request.Wait = durationpb.New(pollWait)
		l.waiting.Store(true)
		answer, err := unary(l.polling, pollWait+callTimeout, l.options.service.LeaseTasks, request)
		l.waiting.Store(false)
		if err == nil {
			failures = 0
			l.received(answer)
		}
		l.giveBack(asked)
		if err == nil {
			continue
		}
		if l.polling.Err() != nil {
			return
		}
		failures++
		delay := delayAfter(failures, err)
		l.failed(err, delay)
		// Its error is that of polling, which the loop ends by.
		_ = rpc.Pause(l.polling, delay)
	}
}

// awaitRoom waits for slots that no call under way may fill, and reserves room for a poll; 0 when leasing has ended.
func (l *leaseLoop) awaitRoom() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.polling.Err() == nil {
		if free := l.options.pool.free() - l.reserved; free > 0 && !l.options.store.full() {
			asked := min(max(free, (l.options.pool.room()-l.reserved+1)/2), maxLeaseBatch)
			l.reserved += asked
			return asked
		}
		l.changed.Wait()
	}
	return 0
}

// reserve reserves room for an exchange: half of what there is beyond free slots, so that both calls stay busy.
func (l *leaseLoop) reserve() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.polling.Err() != nil || l.options.store.full() {
		return 0
	}
	asked := max(0, min(l.options.pool.room()-l.reserved, maxLeaseBatch))
	if asked > 2*max(0, l.options.pool.free()) {
		asked = (asked + 1) / 2
	}
	l.reserved += asked
	return asked
}

func (l *leaseLoop) giveBack(asked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved -= asked
	l.changed.Broadcast()
}

func (l *leaseLoop) report() {
	for l.awaitPending() {
		taken := l.options.store.take()
		if taken.empty() {
			continue
		}
		l.send(taken)
		l.options.store.done()
		l.wake()
	}
}

// awaitPending waits for something to report; false when reporting has ended.
func (l *leaseLoop) awaitPending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.reporting.Err() == nil && !l.options.store.pending() {
		l.changed.Wait()
	}
	return l.reporting.Err() == nil
}

// send reports a batch, or if the server refuses it as a whole its parts one after the other. Only stop ends it before
// the server has it all.
func (l *leaseLoop) send(b *batch) {
	for {
		err := retry(l.reporting, func() error { return l.exchange(b) }, l.failed)
		switch reason := spanloom.ReasonOf(err); {
		case err == nil, l.reporting.Err() != nil:
			return
		case reason == spanloom.InvalidField || reason == spanloom.LimitExceeded:
			l.refused(b, err)
			return
		default:
			// A wrong token or a defect of the server: someone may mend it while the results are kept.
			delay := delayAfter(mendingAttempt, err)
			l.failed(err, delay)
			_ = rpc.Pause(l.reporting, delay)
		}
	}
}

// exchange reports a batch, and asks for tasks.
func (l *leaseLoop) exchange(b *batch) error {
	asked := l.reserve()
	request := l.request()
	request.MaxTasks = uint32(asked)
	request.Results = b.results()
	request.Telemetry = b.telemetry()
	answer, err := unary(l.reporting, callTimeout, l.options.service.LeaseTasks, request)
	if err == nil {
		l.acknowledged(b, answer)
		l.received(answer)
	}
	// After what it brought is held: nobody may ask for that room once more.
	l.giveBack(asked)
	return err
}

func (l *leaseLoop) acknowledged(b *batch, answer *spanloomv1.LeaseTasksResponse) {
	for i, ack := range answer.GetResultAcks() {
		if i >= len(b.finished) {
			break
		}
		l.check(ack, b.finished[i])
	}
	if rejection := answer.GetTelemetryRejection(); b.entries.Len() > 0 && rejection.GetRetryable() {
		l.keepRefused(b, rejection.GetMessage())
	} else if b.entries.Len() > 0 {
		l.mu.Lock()
		l.refusals = 0
		l.mu.Unlock()
	}
	l.options.store.acknowledge(b)
}

func (l *leaseLoop) check(ack *spanloomv1.ResultAck, of *finished) {
	what := fmt.Sprintf("result of task %s, attempt %d,", of.result.GetTaskId(), of.result.GetAttempt())
	switch ack.GetStatus() {
	case spanloomv1.ResultStatus_RESULT_STATUS_STALE_LEASE:
		l.options.log("%s came too late: its lease was lost", what)
	case spanloomv1.ResultStatus_RESULT_STATUS_INVALID:
		l.options.log("%s was refused: %s", what, ack.GetMessage())
	}
}

// keepRefused keeps telemetry that the server has no room for, which is sent again after a while.
func (l *leaseLoop) keepRefused(b *batch, message string) {
	l.mu.Lock()
	l.refusals++
	refusals := l.refusals
	l.mu.Unlock()
	if refusals == 1 {
		l.options.log("the server has no room for telemetry, which is kept: %s", message)
	}
	l.options.store.keepRefused(b)
	time.AfterFunc(rpc.Delay(refusals, refusedDelay), l.options.store.retryRefused)
}

// refused reports the parts of a batch one after the other; one thing that is refused alone is given up.
func (l *leaseLoop) refused(b *batch, err error) {
	if first, second, ok := b.split(); ok {
		l.send(&first)
		l.send(&second)
		return
	}
	what := fmt.Sprintf("%d records", b.entries.Len())
	if len(b.finished) > 0 {
		what = fmt.Sprintf("the result of task %s", b.finished[0].result.GetTaskId())
	}
	l.options.store.budget.CountDropped(b.entries.Len())
	l.options.log("gave up %s: the server refuses it: %s", what, err)
	l.options.store.acknowledge(b)
}

func (l *leaseLoop) request() *spanloomv1.LeaseTasksRequest {
	return &spanloomv1.LeaseTasksRequest{
		RunnerId:    l.options.runnerID,
		Queues:      l.options.queues,
		Identifiers: l.options.identifiers,
	}
}

func (l *leaseLoop) received(answer *spanloomv1.LeaseTasksResponse) {
	l.mu.Lock()
	reached := l.unreachable
	l.unreachable = false
	l.mu.Unlock()
	if reached {
		l.options.log("reached the server at %s again", l.options.url)
	}
	if len(answer.GetTasks()) > 0 {
		l.options.leased(answer.GetTasks())
	}
	for _, each := range answer.GetCancellations() {
		abortCancelled(l.options.pool.abort, each)
	}
	if answer.GetDrain() {
		l.options.drained()
	}
	if rejection := answer.GetTelemetryRejection(); rejection != nil && !rejection.GetRetryable() {
		l.options.log("the server refused %d spans and %d logs: %s",
			rejection.GetRejectedSpans(), rejection.GetRejectedLogs(), rejection.GetMessage())
	}
}

// failed tells once of an outage.
func (l *leaseLoop) failed(err error, delay time.Duration) {
	if spanloom.ReasonOf(err) == spanloom.RunnerNotFound {
		l.options.unknown()
	}
	l.mu.Lock()
	known := l.unreachable
	l.unreachable = true
	l.mu.Unlock()
	if !known {
		l.options.log("%s; trying again, first in %.3f s", err, delay.Seconds())
	}
}

// abortCancelled stops an attempt that the server has cancelled.
func abortCancelled(abort func(attemptID, attempt.AbortKind, string) bool, cancelled *spanloomv1.Cancellation) {
	id := attemptID{cancelled.GetTaskId(), cancelled.GetAttempt()}
	switch cancelled.GetReason() {
	case spanloomv1.CancellationReason_CANCELLATION_REASON_TIMEOUT:
		abort(id, attempt.Timeout, "it timed out")
	case spanloomv1.CancellationReason_CANCELLATION_REASON_JOB_CANCELLED:
		abort(id, attempt.Cancelled, "its job was cancelled")
	case spanloomv1.CancellationReason_CANCELLATION_REASON_JOB_FAILED:
		abort(id, attempt.Cancelled, "another task of its job failed")
	case spanloomv1.CancellationReason_CANCELLATION_REASON_CONCURRENCY:
		abort(id, attempt.Cancelled, "a newer task took its place")
	default:
		abort(id, attempt.Cancelled, "it was cancelled")
	}
}
