package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	spanloom "spanloom.dev/go"
)

type stepsInput struct {
	Steps []step `json:"steps"`
}

// step has the fields of all steps; each says by do which it is.
type step struct {
	Do string `json:"do"`

	Value json.RawMessage `json:"value"`
	Bytes int             `json:"bytes"`

	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
	Label string `json:"label"`
	Text  string `json:"text"`

	Groups []group `json:"groups"`

	Error        string   `json:"error"`
	Message      string   `json:"message"`
	Causes       []string `json:"causes"`
	RetryAfterMs *int     `json:"retry_after_ms"`

	spanStep

	Severity string `json:"severity"`

	Ms     *float64 `json:"ms"`
	OnStop string   `json:"on_stop"`
}

// doing is an attempt that does its steps, and what they gave.
type doing struct {
	gave []any
}

func (d *doing) all(ctx context.Context, all []step) error {
	for _, each := range all {
		if err := d.one(ctx, each); err != nil {
			return err
		}
	}
	return nil
}

func (d *doing) one(ctx context.Context, step step) error {
	switch step.Do {
	case "give", "large", "bad-output", "info", "propagation", "dependencies", "wait":
		value, err := valueOf(ctx, step)
		if err == nil {
			d.gave = append(d.gave, value)
		}
		return err
	case "span":
		return d.span(ctx, step)
	case "hop":
		done := make(chan error)
		go func() { done <- d.all(ctx, step.Steps) }()
		return <-done
	default:
		return effect(ctx, step)
	}
}

// valueOf does a step that gives something.
func valueOf(ctx context.Context, step step) (any, error) {
	switch step.Do {
	case "large":
		return strings.Repeat("x", step.Bytes), nil
	case "bad-output":
		return make(chan int), nil
	case "info":
		return info(ctx)
	case "propagation":
		headers := http.Header{}
		spanloom.InjectHeaders(ctx, headers)
		return map[string]string{
			"traceparent": headers.Get("traceparent"), "tracestate": headers.Get("tracestate"), "baggage": headers.Get("baggage"),
		}, nil
	case "dependencies":
		return dependencies(ctx)
	case "wait":
		return wait(ctx, step)
	default:
		return step.Value, nil
	}
}

func info(ctx context.Context) (any, error) {
	found, err := spanloom.TaskInfo(ctx)
	if err != nil {
		return nil, err
	}
	var parent, deadline any
	if found.ParentID != "" {
		parent = found.ParentID
	}
	if !found.Deadline.IsZero() {
		deadline = found.Deadline.Round(time.Millisecond).UnixMilli()
	}
	return map[string]any{
		"job_id": found.JobID, "job_name": found.JobName, "task_id": found.TaskID, "parent_id": parent,
		"attempt": found.Attempt, "attempts_left": found.AttemptsLeft, "queue": found.Queue, "deadline_ms": deadline,
	}, nil
}

func dependencies(ctx context.Context) (any, error) {
	gave := []any{}
	for each, err := range spanloom.Dependencies(ctx) {
		if err != nil {
			return nil, err
		}
		var output, failed any
		if len(each.Output) > 0 {
			output = json.RawMessage(each.Output)
		}
		if each.Failure != nil {
			failed = map[string]string{"type": each.Failure.GetType(), "message": each.Failure.GetMessage()}
		}
		gave = append(gave, map[string]any{
			"task_id": each.TaskID, "name": each.Name, "state": spanloom.TaskStateName(each.State), "output": output, "failure": failed,
		})
	}
	return gave, nil
}

func wait(ctx context.Context, step step) (any, error) {
	timer := time.NewTimer(step.duration(60_000))
	defer timer.Stop()
	select {
	case <-timer.C:
		return "elapsed", nil
	case <-ctx.Done():
	}
	if step.OnStop == "give" {
		return "stopped", nil
	}
	return nil, context.Cause(ctx)
}

func (s *step) duration(otherwise float64) time.Duration {
	ms := otherwise
	if s.Ms != nil {
		ms = *s.Ms
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// effect does a step that gives nothing.
func effect(ctx context.Context, step step) error {
	switch step.Do {
	case "progress":
		return spanloom.Progress(ctx, step.Label, step.Done, step.Total)
	case "display":
		return spanloom.Display(ctx, step.Text)
	case "submit":
		return submit(ctx, step.Groups)
	case "fail":
		return step.failure()
	case "attributes":
		trace.SpanFromContext(ctx).SetAttributes(step.Attributes.all()...)
	case "event":
		trace.SpanFromContext(ctx).AddEvent(step.Name, trace.WithAttributes(step.Attributes.all()...))
	case "log":
		return log(ctx, step)
	case "stubborn":
		time.Sleep(step.duration(0))
	case "busy":
		for until := time.Now().Add(step.duration(0)); time.Now().Before(until); {
		}
	default:
		return fmt.Errorf("cannot do a step: %q is none", step.Do)
	}
	return nil
}

var levels = map[string]slog.Level{
	"TRACE": slog.LevelDebug - 4, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo,
	"WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": slog.LevelError + 4,
}

func log(ctx context.Context, step step) error {
	level, known := levels[step.Severity]
	if !known {
		return fmt.Errorf("cannot write a log record: %q is no severity", step.Severity)
	}
	attributes := make([]slog.Attr, 0, len(step.Attributes))
	for _, each := range step.Attributes.all() {
		attributes = append(attributes, slog.Any(string(each.Key), each.Value.AsInterface()))
	}
	spanloom.Logger(ctx).LogAttrs(ctx, level, step.Message, attributes...)
	return nil
}

// ConformanceError is the error of "fail".
type ConformanceError struct {
	message string
	cause   error
}

// Error is its message.
func (e *ConformanceError) Error() string { return e.message }

// Unwrap gives its cause.
func (e *ConformanceError) Unwrap() error { return e.cause }

func (s *step) failure() error {
	var cause error
	for i := len(s.Causes) - 1; i >= 0; i-- {
		cause = &ConformanceError{s.Causes[i], cause}
	}
	err := &ConformanceError{s.Message, cause}
	switch s.Error {
	case "terminal":
		return spanloom.Terminal(err)
	case "retryable":
		var after time.Duration
		if s.RetryAfterMs != nil {
			after = time.Duration(*s.RetryAfterMs) * time.Millisecond
		}
		return spanloom.RetryAfter(err, after)
	default:
		return err
	}
}

// group is what one call submits.
type group struct {
	Task             string            `json:"task"`
	Version          string            `json:"version"`
	Inputs           []json.RawMessage `json:"inputs"`
	DependsOn        []int             `json:"depends_on"`
	Queue            string            `json:"queue"`
	Optional         *bool             `json:"optional"`
	Priority         *int32            `json:"priority"`
	AttemptTimeoutMs *int              `json:"attempt_timeout_ms"`
	QueueTimeoutMs   *int              `json:"queue_timeout_ms"`
	StartDelayMs     *int              `json:"start_delay_ms"`
	Displays         []string          `json:"displays"`
	Retry            *struct {
		MaxAttempts       uint32   `json:"max_attempts"`
		InitialDelayMs    int      `json:"initial_delay_ms"`
		Factor            float64  `json:"factor"`
		MaxDelayMs        int      `json:"max_delay_ms"`
		Jitter            float64  `json:"jitter"`
		NonRetryableTypes []string `json:"non_retryable_types"`
	} `json:"retry"`
}

func submit(ctx context.Context, groups []group) error {
	refs := make([]spanloom.Ref, len(groups))
	for i, each := range groups {
		if each.Version == "" {
			each.Version = "1.0"
		}
		task := spanloom.Declare[json.RawMessage, json.RawMessage](each.Task, each.Version)
		var err error
		if refs[i], err = spanloom.SubmitMany(ctx, task, each.Inputs, each.options(refs)...); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) options(refs []spanloom.Ref) []spanloom.SubmitOption {
	var options []spanloom.SubmitOption
	for _, index := range g.DependsOn {
		options = append(options, spanloom.DependsOn(refs[index]))
	}
	if g.Queue != "" {
		options = append(options, spanloom.WithQueue(g.Queue))
	}
	if g.Optional != nil {
		options = append(options, spanloom.WithOptional(*g.Optional))
	}
	if g.Priority != nil {
		options = append(options, spanloom.WithPriority(*g.Priority))
	}
	if g.AttemptTimeoutMs != nil {
		options = append(options, spanloom.WithTimeout(ms(*g.AttemptTimeoutMs)))
	}
	if g.QueueTimeoutMs != nil {
		options = append(options, spanloom.WithQueueTimeout(ms(*g.QueueTimeoutMs)))
	}
	if g.StartDelayMs != nil {
		options = append(options, spanloom.WithStartDelay(ms(*g.StartDelayMs)))
	}
	if g.Displays != nil {
		options = append(options, spanloom.WithDisplay(g.Displays...))
	}
	if g.Retry != nil {
		options = append(options, spanloom.WithRetry(spanloom.Retry{
			MaxAttempts: g.Retry.MaxAttempts, InitialDelay: ms(g.Retry.InitialDelayMs), Factor: g.Retry.Factor,
			MaxDelay: ms(g.Retry.MaxDelayMs), Jitter: g.Retry.Jitter, NonRetryableTypes: g.Retry.NonRetryableTypes,
		}))
	}
	return options
}

func ms(count int) time.Duration { return time.Duration(count) * time.Millisecond }
