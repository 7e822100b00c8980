// Package attempt is what the code of an attempt and its runner share.
package attempt

import (
	"context"
	"iter"
	"sync"

	"go.opentelemetry.io/otel/trace"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// MaxLabels is how many labels of progress an attempt may have: the protocol's limit.
const MaxLabels = 100

// AbortKind says why an attempt must stop.
type AbortKind string

// Why an attempt must stop.
const (
	// Cancelled is for a job that was cancelled or failed otherwise, or for a newer task that took its place.
	Cancelled AbortKind = "cancelled"
	// Timeout is for a timeout of the attempt, or the deadline of its job.
	Timeout AbortKind = "timeout"
	// LeaseLost is for a runner that was not heard of in time: somebody else may have the task now.
	LeaseLost AbortKind = "lease_lost"
	// Shutdown is for a runner that stops.
	Shutdown AbortKind = "shutdown"
)

// AttemptAborted says that an attempt was told to stop; it is the cause of its context.
type AttemptAborted struct {
	Kind    AbortKind
	Message string
}

// Error reads "attempt 1 of task "x" must stop: its job was cancelled".
func (a *AttemptAborted) Error() string { return a.Message }

// Is makes it a context.Canceled, which the errors of a cancelled context are.
func (a *AttemptAborted) Is(target error) bool {
	return target == context.Canceled || a.Kind == Timeout && target == context.DeadlineExceeded
}

// State is one attempt as its code sees it.
//
// Concurrency: safe from any goroutine.
type State struct {
	Task   *spanloomv1.LeasedTask
	Tracer trace.Tracer
	// Reads what the task's dependencies left behind, in submission order.
	Dependencies func(context.Context) iter.Seq2[*spanloomv1.DependencyOutput, error]

	mu       sync.Mutex
	ended    bool
	progress []*spanloomv1.Progress
	display  *string
}

type stateKey struct{}

// With gives the context of an attempt's code.
func With(ctx context.Context, state *State) context.Context {
	return context.WithValue(ctx, stateKey{}, state)
}

// Of gives the attempt whose code a context belongs to; nil outside of attempts.
func Of(ctx context.Context) *State {
	found, _ := ctx.Value(stateKey{}).(*State)
	return found
}

// End refuses what the code sets from now on.
func (s *State) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// Ended says whether the attempt has ended.
func (s *State) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// SetProgress sets the progress of a label; false when there would be too many labels.
func (s *State) SetProgress(progress *spanloomv1.Progress) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, each := range s.progress {
		if each.GetLabel() == progress.GetLabel() {
			// In place of it, not into it: it may be on its way in a heartbeat.
			s.progress[i] = progress
			return true
		}
	}
	if len(s.progress) >= MaxLabels {
		return false
	}
	s.progress = append(s.progress, progress)
	return true
}

// Progress gives the progress of all labels.
func (s *State) Progress() []*spanloomv1.Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*spanloomv1.Progress(nil), s.progress...)
}

// SetDisplay sets the text for people.
func (s *State) SetDisplay(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.display = &text
}

// Display gives the text for people; nil when the code set none.
func (s *State) Display() *string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.display
}
