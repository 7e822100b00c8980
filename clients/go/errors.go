package spanloom

import (
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// Reason says why a call failed, stable across releases and independent of the message. It is an error itself, so that
// errors.Is(err, spanloom.JobNotFound) asks for it.
//
// Source: docs/errors.md; a test keeps the two equal.
type Reason string

// Reasons, in the order of the catalogue.
const (
	InvalidField         Reason = "INVALID_FIELD"
	LimitExceeded        Reason = "LIMIT_EXCEEDED"
	InvalidDependency    Reason = "INVALID_DEPENDENCY"
	InvalidPageToken     Reason = "INVALID_PAGE_TOKEN"
	UnsupportedQuery     Reason = "UNSUPPORTED_QUERY"
	JobNotFound          Reason = "JOB_NOT_FOUND"
	TaskNotFound         Reason = "TASK_NOT_FOUND"
	RunnerNotFound       Reason = "RUNNER_NOT_FOUND"
	InvalidState         Reason = "INVALID_STATE"
	Unauthenticated      Reason = "UNAUTHENTICATED"
	PermissionDenied     Reason = "PERMISSION_DENIED"
	IdempotencyConflict  Reason = "IDEMPOTENCY_CONFLICT"
	StaleLease           Reason = "STALE_LEASE"
	ConcurrencyRejected  Reason = "CONCURRENCY_REJECTED"
	StoreUnavailable     Reason = "STORE_UNAVAILABLE"
	TelemetryUnavailable Reason = "TELEMETRY_UNAVAILABLE"
	ShuttingDown         Reason = "SHUTTING_DOWN"
	Overloaded           Reason = "OVERLOADED"
	DeadlineExceeded     Reason = "DEADLINE_EXCEEDED"
	Unimplemented        Reason = "UNIMPLEMENTED"
	Internal             Reason = "INTERNAL"
	ScheduleNotFound     Reason = "SCHEDULE_NOT_FOUND"
	TriggerNotFound      Reason = "TRIGGER_NOT_FOUND"
	EventNotFound        Reason = "EVENT_NOT_FOUND"
	WebhookNotFound      Reason = "WEBHOOK_NOT_FOUND"
)

// Error makes a Reason a target of errors.Is.
func (r Reason) Error() string { return string(r) }

// Code is the Connect code of the reason.
func (r Reason) Code() connect.Code {
	if code, ok := codeByReason[r]; ok {
		return code
	}
	return connect.CodeInternal
}

// Retryable tells whether the same call may succeed later without a change.
func (r Reason) Retryable() bool {
	switch r.Code() {
	case connect.CodeUnavailable, connect.CodeResourceExhausted, connect.CodeDeadlineExceeded:
		return true
	default:
		return false
	}
}

var codeByReason = map[Reason]connect.Code{
	InvalidField:         connect.CodeInvalidArgument,
	LimitExceeded:        connect.CodeInvalidArgument,
	InvalidDependency:    connect.CodeInvalidArgument,
	InvalidPageToken:     connect.CodeInvalidArgument,
	UnsupportedQuery:     connect.CodeInvalidArgument,
	JobNotFound:          connect.CodeNotFound,
	TaskNotFound:         connect.CodeNotFound,
	RunnerNotFound:       connect.CodeNotFound,
	InvalidState:         connect.CodeFailedPrecondition,
	Unauthenticated:      connect.CodeUnauthenticated,
	PermissionDenied:     connect.CodePermissionDenied,
	IdempotencyConflict:  connect.CodeAlreadyExists,
	StaleLease:           connect.CodeAborted,
	ConcurrencyRejected:  connect.CodeAborted,
	StoreUnavailable:     connect.CodeUnavailable,
	TelemetryUnavailable: connect.CodeUnavailable,
	ShuttingDown:         connect.CodeUnavailable,
	Overloaded:           connect.CodeResourceExhausted,
	DeadlineExceeded:     connect.CodeDeadlineExceeded,
	Unimplemented:        connect.CodeUnimplemented,
	Internal:             connect.CodeInternal,
	ScheduleNotFound:     connect.CodeNotFound,
	TriggerNotFound:      connect.CodeNotFound,
	EventNotFound:        connect.CodeNotFound,
	WebhookNotFound:      connect.CodeNotFound,
}

// Error is a call that failed, or was refused before it was made.
//
// Messages read "cannot X: Y" and quote the offending value. Limit and Actual are there with LimitExceeded, RetryAfter
// where the server said how long to wait, Metadata for further facts such as the job_id of an IdempotencyConflict.
//
// Source: proto/spanloom/v1/error.proto ErrorDetail.
type Error struct {
	Reason     Reason
	Message    string
	Field      string
	Limit      int64
	Actual     int64
	RetryAfter time.Duration
	Metadata   map[string]string
	cause      error
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Unwrap gives what led to it, nil when nothing did.
func (e *Error) Unwrap() error { return e.cause }

// Is tells whether target is this error's Reason.
func (e *Error) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// Code is the Connect code of the reason.
func (e *Error) Code() connect.Code { return e.Reason.Code() }

// Retryable tells whether the same call may succeed later without a change.
func (e *Error) Retryable() bool { return e.Reason.Retryable() }

// ErrorType is its type as failures of tasks tell it, the same in every language.
func (e *Error) ErrorType() string { return "SpanloomError" }

// ReasonOf is the reason of the Error that err is or wraps; empty when there is none.
func ReasonOf(err error) Reason {
	var known *Error
	if errors.As(err, &known) {
		return known.Reason
	}
	return ""
}

func invalid(field, format string, arguments ...any) *Error {
	return &Error{Reason: InvalidField, Field: field, Message: fmt.Sprintf(format, arguments...)}
}

func exceeded(field string, limit, actual int, message string) *Error {
	return &Error{
		Reason: LimitExceeded, Field: field, Limit: int64(limit), Actual: int64(actual),
		Message: fmt.Sprintf("%s, limit is %d", message, limit),
	}
}

// JobFailedError is a job that did not succeed, and whose result was asked for; Job is the job as it ended.
type JobFailedError struct {
	Job *spanloomv1.Job
}

// Error says how the job ended, and of what.
func (e *JobFailedError) Error() string {
	why := ""
	if failure := e.Job.GetFailure(); failure != nil {
		why = fmt.Sprintf(": %s: %s", failure.GetType(), failure.GetMessage())
	}
	return fmt.Sprintf("cannot return the result of job %q (%s): it ended %s%s",
		e.Job.GetName(), e.Job.GetId(), StateName(e.Job.GetState()), why)
}

// TerminalError ends a task for good when its code returns it, wrapped or not: it is never tried again, whatever its
// retry policy says.
type TerminalError struct {
	Err error
}

// Terminal wraps err, so that the task it is returned by is not tried again.
func Terminal(err error) error { return &TerminalError{Err: err} }

// Error is the message of what it wraps.
func (e *TerminalError) Error() string { return messageOf(e.Err, "the task cannot succeed") }

// Unwrap gives what it wraps.
func (e *TerminalError) Unwrap() error { return e.Err }

// ErrorType is its type as failures of tasks tell it: that of an [Error] it wraps, such as of an output that is too large,
// else its own.
func (e *TerminalError) ErrorType() string {
	var known *Error
	if errors.As(e.Err, &known) {
		return known.ErrorType()
	}
	return "TerminalError"
}

// RetryableError asks for another attempt when a task's code returns it, wrapped or not, no sooner than After. The retry
// policy still bounds the number of attempts.
type RetryableError struct {
	Err   error
	After time.Duration
}

// RetryAfter wraps err, so that the task it is returned by is tried again after that time at the earliest.
func RetryAfter(err error, after time.Duration) error { return &RetryableError{Err: err, After: after} }

// Error is the message of what it wraps.
func (e *RetryableError) Error() string { return messageOf(e.Err, "the task is to be tried again") }

// Unwrap gives what it wraps.
func (e *RetryableError) Unwrap() error { return e.Err }

func messageOf(err error, otherwise string) string {
	if err == nil {
		return otherwise
	}
	return err.Error()
}
