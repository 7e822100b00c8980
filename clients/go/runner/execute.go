package runner

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"go.opentelemetry.io/otel/trace"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/attempt"
	"spanloom.dev/go/internal/failure"
	"spanloom.dev/go/internal/tracing"
)

// maxResultBytes is how large a result may be: a request must hold it, and telemetry beside it.
const maxResultBytes = 15 * mib

// executor runs the code of attempts, and makes results of what it does.
type executor struct {
	host           *tracing.Host
	tracer         trace.Tracer
	dependencies   func(context.Context, *spanloomv1.LeasedTask) iter.Seq2[*spanloomv1.DependencyOutput, error]
	maxOutputBytes int
}

// execute runs an attempt that has started to its end. It never panics.
func (e *executor) execute(h *held, told func()) outcome {
	if h.code == nil {
		return released(spanloomv1.ReleaseReason_RELEASE_REASON_UNKNOWN_IDENTIFIER)
	}
	state := &attempt.State{Task: h.task, Tracer: e.tracer}
	state.Dependencies = func(ctx context.Context) iter.Seq2[*spanloomv1.DependencyOutput, error] {
		return e.dependencies(ctx, h.task)
	}
	returned, err := call(h.begin(e.host, state, told), h)
	aborted := h.aborted()
	if err == nil && aborted != nil && aborted.Kind == attempt.Timeout {
		// Whatever it returned came too late.
		err = aborted
	}
	if err == nil {
		err = e.check(h, returned)
	}
	if err != nil {
		return outcomeOf(instead(err, aborted), aborted)
	}
	return outcome{success: &spanloomv1.TaskSuccess{
		Output: returned.Output, Children: returned.Children, Display: state.Display(),
	}}
}

// errGoexit is what an attempt fails with whose code ended its goroutine.
var errGoexit = errors.New("the code ended its goroutine: it called runtime.Goexit")

// call runs the code; a panic is an error.
func call(ctx context.Context, h *held) (returned spanloom.Outcome, err error) {
	ended := false
	defer func() {
		if ended {
			return
		}
		if value := recover(); value != nil {
			err = failure.Recovered(value)
		}
	}()
	returned, err = h.code.Run(ctx, h.task.GetInput())
	ended = true
	return returned, err
}

// check refuses what a request cannot hold. Another attempt would have the same.
func (e *executor) check(h *held, returned spanloom.Outcome) error {
	owner := fmt.Sprintf("cannot return the output of task %q", h.task.GetIdentifier().GetName())
	size := len(returned.Output)
	if size > e.maxOutputBytes {
		return tooLarge(owner, size, e.maxOutputBytes)
	}
	if whole := size + returned.ChildBytes + returned.ChildCount*8; whole > maxResultBytes {
		return tooLarge(owner+" and its children", whole, maxResultBytes)
	}
	return nil
}

func tooLarge(owner string, actual, limit int) error {
	return spanloom.Terminal(&spanloom.Error{
		Reason: spanloom.LimitExceeded, Field: "output", Limit: int64(limit), Actual: int64(actual),
		Message: fmt.Sprintf("%s: %d bytes, limit is %d", owner, actual, limit),
	})
}

// instead gives why an attempt was told to stop in place of an error that says only that it was.
func instead(err error, told *attempt.AttemptAborted) error {
	if told != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return told
	}
	return err
}
