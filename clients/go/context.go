package spanloom

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/attempt"
	"spanloom.dev/go/internal/failure"
	"spanloom.dev/go/internal/tracing"
)

// AttemptAborted says that an attempt was told to stop: it is the context.Cause of the context of its code, and an
// errors.Is of context.Canceled. Code that returns it, or the context's error, has not failed: the attempt ends as what
// it was told.
type AttemptAborted = attempt.AttemptAborted

// AbortKind says why an attempt must stop.
type AbortKind = attempt.AbortKind

// Why an attempt must stop.
const (
	AbortCancelled = attempt.Cancelled
	AbortTimeout   = attempt.Timeout
	AbortLeaseLost = attempt.LeaseLost
	AbortShutdown  = attempt.Shutdown
)

// Info is what an attempt knows of itself.
type Info struct {
	JobID   string
	JobName string
	// TaskID is the same for all attempts of a task, so a good key for what the task does elsewhere.
	TaskID string
	// ParentID is the task whose attempt submitted this one; empty for roots.
	ParentID string
	TaskName string
	// Version is the one that the task asked for.
	Version string
	Queue   string
	// Attempt counts from 1.
	Attempt int
	// AttemptsLeft are those after this one, by the retry policy.
	AttemptsLeft int
	// Deadline is when the attempt is stopped, by the server's clock; zero when neither timeout nor job deadline is set.
	Deadline time.Time
}

// TaskInfo gives what the attempt knows of itself whose code ctx belongs to.
//
// Errors: InvalidState outside of attempts.
func TaskInfo(ctx context.Context) (Info, error) {
	state := attempt.Of(ctx)
	if state == nil {
		return Info{}, outside("tell of the task")
	}
	task := state.Task
	info := Info{
		JobID:        task.GetJobId(),
		JobName:      task.GetJobName(),
		TaskID:       task.GetTaskId(),
		ParentID:     task.GetParentId(),
		TaskName:     task.GetIdentifier().GetName(),
		Version:      task.GetIdentifier().GetVersion(),
		Queue:        task.GetQueue(),
		Attempt:      int(task.GetAttempt()),
		AttemptsLeft: int(task.GetAttemptsLeft()),
	}
	if task.GetDeadline() != nil {
		info.Deadline = task.GetDeadline().AsTime()
	}
	return info, nil
}

// Dependency is what a task that the attempt's task depends on left behind.
type Dependency struct {
	TaskID string
	Name   string
	// State is SUCCEEDED, or FAILED or SKIPPED of one that was optional.
	State spanloomv1.TaskState
	// Output as it travels, to be read by [Decode]; empty unless it succeeded.
	Output []byte
	// Failure is why it failed; nil when it did not.
	Failure *spanloomv1.TaskFailure
}

// Dependencies gives what the tasks left behind that the attempt's task depends on, in submission order, page by page as
// it is read.
//
// Errors: InvalidState outside of attempts and once the attempt has ended; those of the calls that read further pages.
func Dependencies(ctx context.Context) iter.Seq2[Dependency, error] {
	return func(yield func(Dependency, error) bool) {
		state, err := current(ctx, "read dependencies")
		if err != nil {
			yield(Dependency{}, err)
			return
		}
		for each, err := range state.Dependencies(ctx) {
			made := Dependency{
				TaskID: each.GetTaskId(), Name: each.GetName(), State: each.GetState(),
				Output: each.GetOutput(), Failure: each.GetFailure(),
			}
			if !yield(made, err) || err != nil {
				return
			}
		}
	}
}

// OutputsOf gives the outputs of the dependencies that ran this task and succeeded, in submission order.
//
// Errors: those of [Dependencies]; InvalidField for an output that does not fit.
func OutputsOf[In, Out any](ctx context.Context, task *Task[In, Out]) ([]Out, error) {
	var outputs []Out
	for each, err := range Dependencies(ctx) {
		if err != nil {
			return nil, err
		}
		if each.Name != task.Name() || each.State != spanloomv1.TaskState_TASK_STATE_SUCCEEDED {
			continue
		}
		owner := fmt.Sprintf("cannot read the output of dependency %q (%s)", each.Name, each.TaskID)
		output, err := decodePayload[Out](each.Output, owner)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, output)
	}
	return outputs, nil
}

// Progress says how far the attempt is, under a label that may be empty; it is shown live and kept with the result. A
// total of 0 is one that is not known.
//
// Errors: LimitExceeded over 100 labels; InvalidState outside of attempts and once the attempt has ended.
func Progress(ctx context.Context, label string, done, total uint64) error {
	state, err := current(ctx, "set progress")
	if err != nil {
		return err
	}
	if !state.SetProgress(&spanloomv1.Progress{Label: label, Done: done, Total: total}) {
		message := fmt.Sprintf("cannot set progress %q: an attempt has at most %d labels", label, attempt.MaxLabels)
		return &Error{Reason: LimitExceeded, Field: "label", Limit: attempt.MaxLabels, Message: message}
	}
	return nil
}

// Display sets the task's text for people.
//
// Errors: InvalidState outside of attempts and once the attempt has ended.
func Display(ctx context.Context, text string) error {
	state, err := current(ctx, "set the display")
	if err == nil {
		state.SetDisplay(text)
	}
	return err
}

// Tracer gives a tracer whose spans stand below the attempt, and reach Spanloom whatever tracer provider the application
// has. Outside of attempts it is a tracer of OpenTelemetry's global provider.
func Tracer(ctx context.Context) trace.Tracer {
	if state := attempt.Of(ctx); state != nil {
		return state.Tracer
	}
	return otel.Tracer(tracing.Scope)
}

// Span starts a span below the active one, to be ended by its End; the context that it gives has it as the active one.
func Span(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	return Tracer(ctx).Start(ctx, name, trace.WithAttributes(attributes...))
}

// InSpan calls a function within a span of its own. An error that it returns is recorded on the span, with status Error
// and error.type, and returned.
func InSpan(ctx context.Context, name string, code func(context.Context) error, options ...trace.SpanStartOption) error {
	within, span := Tracer(ctx).Start(ctx, name, options...)
	returned := false
	defer func() {
		if !returned {
			// It panics, and goes on to: to recover would lose where.
			record(span, &spanloomv1.TaskFailure{Type: "panic", Message: "the code panicked", Stack: string(debug.Stack())})
		}
		span.End()
	}()
	err := code(within)
	returned = true
	if err != nil {
		record(span, failure.Describe(err))
	}
	return err
}

// record tells a span what the code within it failed with.
func record(span trace.Span, failed *spanloomv1.TaskFailure) {
	span.AddEvent("exception", trace.WithAttributes(
		attribute.String("exception.type", failed.GetType()),
		attribute.String("exception.message", failed.GetMessage()),
		attribute.String("exception.stacktrace", failed.GetStack()),
	))
	// A status code, say, that the code put there tells more than the name of an error's type.
	if readable, ok := span.(sdktrace.ReadOnlySpan); !ok || !hasAttribute(readable, "error.type") {
		span.SetAttributes(attribute.String("error.type", failed.GetType()))
	}
	span.SetStatus(codes.Error, failed.GetMessage())
}

func hasAttribute(span sdktrace.ReadOnlySpan, key attribute.Key) bool {
	for _, each := range span.Attributes() {
		if each.Key == key {
			return true
		}
	}
	return false
}

// Logger gives a logger whose records belong to the attempt and the active span of ctx, whatever context they are logged
// with; they go to slog's default handler too. Outside of attempts it is slog.Default().
func Logger(ctx context.Context) *slog.Logger {
	if attempt.Of(ctx) == nil {
		return slog.Default()
	}
	next := slog.Default().Handler()
	// A runner's own handler, or one that the application put there, would write each record once more.
	if own, ok := next.(*tracing.LogHandler); ok {
		return slog.New(own.Bind(ctx))
	}
	return slog.New(tracing.NewLogHandler(next).Bind(ctx))
}

// NewLogHandler gives a handler for log/slog that sends what is logged within an attempt to it, with the ids of the active
// span, and hands all on to next, which may be nil. Records find their attempt by the context that they are logged with,
// as by slog.InfoContext.
//
// A runner puts one before slog's default handler, unless it is told not to; an application that makes loggers of its own
// puts one before their handlers.
func NewLogHandler(next slog.Handler) slog.Handler { return tracing.NewLogHandler(next) }

// NewSpanProcessor gives what an application adds to a tracer provider of its own, so that spans within tasks reach
// Spanloom too: with sdktrace.WithSpanProcessor. It puts spanloom.* attributes on them, which the application's exporters
// see as well; spans outside of attempts are none of its business.
//
// Not needed otherwise: without a provider of the application's, the runner registers one that has it.
func NewSpanProcessor() sdktrace.SpanProcessor { return &tracing.SpanProcessor{Annotate: true} }

// InjectHeaders writes the trace context of the active span, and baggage, into HTTP headers, as whoever receives them
// reads it: traceparent, tracestate and baggage.
func InjectHeaders(ctx context.Context, headers http.Header) {
	carrier := tracing.CarrierOf(ctx)
	for name, value := range map[string]string{
		"traceparent": carrier.Traceparent, "tracestate": carrier.Tracestate, "baggage": carrier.Baggage,
	} {
		if value != "" {
			headers.Set(name, value)
		}
	}
}

func current(ctx context.Context, what string) (*attempt.State, error) {
	state := attempt.Of(ctx)
	if state == nil {
		return nil, outside(what)
	}
	if state.Ended() {
		return nil, &Error{Reason: InvalidState, Message: fmt.Sprintf("cannot %s: the attempt has ended", what)}
	}
	return state, nil
}

func outside(what string) error {
	return &Error{Reason: InvalidState, Message: fmt.Sprintf("cannot %s: its context is that of no attempt", what)}
}
