package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/attempt"
	"spanloom.dev/go/internal/testserver"
	"spanloom.dev/go/internal/tracing"
)

// peer is a server that answers as a test says. It keeps polls waiting.
type peer struct {
	answer func(*spanloomv1.LeaseTasksRequest) (*spanloomv1.LeaseTasksResponse, error)

	mutex    sync.Mutex
	requests []*spanloomv1.LeaseTasksRequest
}

func (p *peer) LeaseTasks(
	ctx context.Context, request *connect.Request[spanloomv1.LeaseTasksRequest],
) (*connect.Response[spanloomv1.LeaseTasksResponse], error) {
	if request.Msg.GetWait() != nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	p.mutex.Lock()
	p.requests = append(p.requests, request.Msg)
	p.mutex.Unlock()
	answer, err := p.answer(request.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}

func (p *peer) Heartbeat(
	context.Context, *connect.Request[spanloomv1.HeartbeatRequest],
) (*connect.Response[spanloomv1.HeartbeatResponse], error) {
	return nil, errors.New("not asked for")
}

func (p *peer) ListDependencyOutputs(
	context.Context, *connect.Request[spanloomv1.ListDependencyOutputsRequest],
) (*connect.Response[spanloomv1.ListDependencyOutputsResponse], error) {
	return nil, errors.New("not asked for")
}

// taken gives, of each request, what a test asks for.
func taken[T any](p *peer, of func(*spanloomv1.LeaseTasksRequest) T) []T {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	all := make([]T, len(p.requests))
	for i, each := range p.requests {
		all[i] = of(each)
	}
	return all
}

// fullPool has room for nothing.
type fullPool struct{}

func (fullPool) free() int                                       { return 0 }
func (fullPool) room() int                                       { return 0 }
func (fullPool) abort(attemptID, attempt.AbortKind, string) bool { return false }

// loopBench is a lease loop and what it reports.
type loopBench struct {
	peer   *peer
	budget *tracing.Budget
	store  *store
	loop   *leaseLoop
	host   *tracing.Host
	// Whether the server said that it does not know the runner.
	unknown bool

	mutex sync.Mutex
	lines []string
}

func newLoopBench(
	t *testing.T, answer func(*spanloomv1.LeaseTasksRequest) (*spanloomv1.LeaseTasksResponse, error),
) *loopBench {
	t.Helper()
	b := &loopBench{peer: &peer{answer: answer}, budget: tracing.NewBudget(1 << 20)}
	b.store = newStore(1<<20, b.budget, func() { b.loop.wake() })
	b.loop = newLeaseLoop(leaseLoopOptions{
		service: b.peer, url: "http://peer", runnerID: "runner", pool: fullPool{}, store: b.store,
		leased:  func([]*spanloomv1.LeasedTask) {},
		drained: func() {},
		unknown: func() { b.unknown = true },
		log: func(format string, arguments ...any) {
			b.mutex.Lock()
			defer b.mutex.Unlock()
			b.lines = append(b.lines, fmt.Sprintf(format, arguments...))
		},
	})
	b.host = tracing.NewHost(tracing.HostOptions{
		RunnerID: "runner", Resource: tracing.RunnerResource("runner", "", ""), Enabled: true, Budget: b.budget,
		Late: func(entries tracing.Entries) { b.store.addEntries(entries) },
	})
	t.Cleanup(b.loop.stop)
	return b
}

// add adds results of tasks, each with so many spans.
func (b *loopBench) add(spans int, taskIDs ...string) {
	for _, id := range taskIDs {
		task := &spanloomv1.LeasedTask{
			TaskId: id, Attempt: 1, SpanId: "00f067aa0ba902b7", Identifier: &spanloomv1.TaskIdentifier{Name: "task"},
			Trace: &spanloomv1.TraceContext{Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b6-01"},
		}
		h := newHeld(context.Background(), task, nil)
		h.start()
		ctx := h.begin(b.host, &attempt.State{Task: task}, func() {})
		for i := range spans {
			_, span := tracing.TaskTracer(true).Start(ctx, fmt.Sprintf("%s %d", id, i))
			span.End()
		}
		result, entries := h.finish(time.Now())
		outcome{success: &spanloomv1.TaskSuccess{}}.put(result)
		b.store.add(h, result, entries)
	}
}

// run reports everything.
func (b *loopBench) run(t *testing.T) {
	t.Helper()
	b.loop.start()
	if !b.store.waitEmpty(testserver.Deadline) {
		t.Fatalf("not everything was reported: %v", b.lines)
	}
}

func (b *loopBench) check(t *testing.T, unreported, used int, lines ...string) {
	t.Helper()
	if len(b.store.unreported()) != unreported || b.budget.Used() != used || b.store.resultBytes != 0 {
		t.Errorf("%d unreported, %d bytes of telemetry, %d of results", len(b.store.unreported()), b.budget.Used(), b.store.resultBytes)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if len(b.lines) != len(lines) {
		t.Fatalf("it said %q", b.lines)
	}
	for i, each := range lines {
		if !strings.HasPrefix(b.lines[i], each) {
			t.Errorf("it said %q, want %q", b.lines[i], each)
		}
	}
}

func acknowledge(request *spanloomv1.LeaseTasksRequest) (*spanloomv1.LeaseTasksResponse, error) {
	answer := &spanloomv1.LeaseTasksResponse{}
	for _, each := range request.GetResults() {
		ack := &spanloomv1.ResultAck{TaskId: each.GetTaskId(), Attempt: 1, Status: spanloomv1.ResultStatus_RESULT_STATUS_OK}
		answer.ResultAcks = append(answer.ResultAcks, ack)
	}
	return answer, nil
}

// times gives true so many times.
func times(count int) func() bool {
	return func() bool {
		count--
		return count >= 0
	}
}

func TestReportsEverythingInAsFewRequestsAsCanBe(t *testing.T) {
	b := newLoopBench(t, acknowledge)
	for i := range maxResults + 5 {
		b.add(0, fmt.Sprintf("task %d", i))
	}
	b.run(t)
	counts := taken(b.peer, func(r *spanloomv1.LeaseTasksRequest) int { return len(r.GetResults()) })
	if !slices.Equal(counts, []int{maxResults, 5}) {
		t.Errorf("got %v", counts)
	}
	b.check(t, 0, 0)
}

func TestSendsTelemetryAgainThatTheServerHadNoRoomFor(t *testing.T) {
	refuses := times(2)
	b := newLoopBench(t, func(request *spanloomv1.LeaseTasksRequest) (*spanloomv1.LeaseTasksResponse, error) {
		answer, err := acknowledge(request)
		if request.GetTelemetry() != nil && refuses() {
			answer.TelemetryRejection = &spanloomv1.TelemetryRejection{Retryable: true, Message: "the spool is full"}
		}
		return answer, err
	})
	b.add(3, "one")
	b.loop.start()
	testserver.Until(t, "the telemetry to be taken", func() bool { return b.budget.Used() == 0 })
	sent := taken(b.peer, func(r *spanloomv1.LeaseTasksRequest) string { return string(r.GetTelemetry().GetTraces()[0]) })
	if len(sent) != 3 || sent[0] != sent[1] || sent[1] != sent[2] {
		t.Errorf("got %q", sent)
	}
	// Its result waited for none of that, and was reported once.
	counts := taken(b.peer, func(r *spanloomv1.LeaseTasksRequest) int { return len(r.GetResults()) })
	if !slices.Equal(counts, []int{1, 0, 0}) {
		t.Errorf("got %v", counts)
	}
	b.check(t, 0, 0, "the server has no room for telemetry, which is kept: the spool is full")
}

func TestGivesUpTheOneResultThatIsRefused(t *testing.T) {
	b := newLoopBench(t, func(request *spanloomv1.LeaseTasksRequest) (*spanloomv1.LeaseTasksResponse, error) {
		for _, each := range request.GetResults() {
			if each.GetTaskId() == "bad" {
				return nil, &spanloom.Error{Reason: spanloom.LimitExceeded, Message: "cannot read the request: it is too large"}
			}
		}
		return acknowledge(request)
	})
	b.add(1, "a", "b", "bad", "c")
	b.run(t)
	b.check(t, 0, 0, "gave up the result of task bad: the server refuses it: cannot read the request: it is too large")
	reported := map[string]bool{}
	for _, each := range b.peer.requests {
		for _, result := range each.GetResults() {
			reported[result.GetTaskId()] = true
		}
	}
	if len(reported) != 4 || b.budget.Dropped() != 0 {
		t.Errorf("got %v, %d dropped", reported, b.budget.Dropped())
	}
}

func TestKeepsResultsWhileTheServerDoesNotKnowItsToken(t *testing.T) {
	refuses := times(2)
	b := newLoopBench(t, func(request *spanloomv1.LeaseTasksRequest) (*spanloomv1.LeaseTasksResponse, error) {
		if refuses() {
			return nil, &spanloom.Error{Reason: spanloom.Unauthenticated, Message: "cannot serve the call: the token is not known"}
		}
		return acknowledge(request)
	})
	b.add(1, "one")
	b.run(t)
	b.check(t, 0, 0,
		"cannot serve the call: the token is not known; trying again, first in ", "reached the server at http://peer again")
}

func TestIntroducesItselfToAServerThatDoesNotKnowIt(t *testing.T) {
	refuses := times(1)
	b := newLoopBench(t, func(request *spanloomv1.LeaseTasksRequest) (*spanloomv1.LeaseTasksResponse, error) {
		if refuses() {
			return nil, &spanloom.Error{Reason: spanloom.RunnerNotFound, Message: "cannot lease tasks: no such runner"}
		}
		return acknowledge(request)
	})
	b.add(0, "one")
	b.run(t)
	if !b.unknown {
		t.Error("it did not")
	}
}

func TestKeepsResultsThroughADefectOfItsOwn(t *testing.T) {
	breaks := times(1)
	b := newLoopBench(t, func(request *spanloomv1.LeaseTasksRequest) (*spanloomv1.LeaseTasksResponse, error) {
		if breaks() {
			return nil, errors.New("a defect")
		}
		return acknowledge(request)
	})
	b.add(1, "one")
	b.run(t)
	b.check(t, 0, 0, "a defect; trying again", "reached the server at http://peer again")
}

func TestTellsOfResultsThatCameTooLateOrAreWrong(t *testing.T) {
	b := newLoopBench(t, func(request *spanloomv1.LeaseTasksRequest) (*spanloomv1.LeaseTasksResponse, error) {
		answer, err := acknowledge(request)
		answer.ResultAcks[0].Status = spanloomv1.ResultStatus_RESULT_STATUS_STALE_LEASE
		answer.ResultAcks[1].Status = spanloomv1.ResultStatus_RESULT_STATUS_INVALID
		answer.ResultAcks[1].Message = "cannot take the result"
		answer.TelemetryRejection = &spanloomv1.TelemetryRejection{RejectedSpans: 2, Message: "no trace id"}
		return answer, err
	})
	b.add(1, "late", "wrong")
	b.run(t)
	b.check(t, 0, 0,
		"result of task late, attempt 1, came too late: its lease was lost",
		"result of task wrong, attempt 1, was refused: cannot take the result",
		"the server refused 2 spans and 0 logs: no trace id")
}

func TestHoldsAtMostAFewMillisecondsOfWorkBeyondWhatRuns(t *testing.T) {
	p := prefetch{most: 1_000, concurrency: 10}
	if p.allowed() != 0 {
		t.Errorf("got %d before anything ran", p.allowed())
	}
	for range 100 {
		p.note(100 * time.Microsecond)
	}
	if p.allowed() != 500 {
		t.Errorf("got %d for tiny tasks", p.allowed())
	}
	for range 100 {
		p.note(time.Second)
	}
	if p.allowed() != 0 {
		t.Errorf("got %d for long ones", p.allowed())
	}
	for range 1_000 {
		p.note(0)
	}
	if p.allowed() != 1_000 {
		t.Errorf("got %d for the tiniest", p.allowed())
	}
}
