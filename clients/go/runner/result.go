package runner

import (
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/attempt"
	"spanloom.dev/go/internal/failure"
)

// maxRetryAfter is a year: longer than anybody waits.
const maxRetryAfter = 365 * 24 * time.Hour

// outcome is how an attempt ended: one of its fields is set.
type outcome struct {
	success  *spanloomv1.TaskSuccess
	failure  *spanloomv1.TaskFailureResult
	released spanloomv1.ReleaseReason
}

func released(reason spanloomv1.ReleaseReason) outcome { return outcome{released: reason} }

func failed(described *spanloomv1.TaskFailure, how spanloomv1.AttemptOutcome) outcome {
	return outcome{failure: &spanloomv1.TaskFailureResult{Failure: described, Outcome: how}}
}

// outcomeOf gives what an attempt is reported as that ended with an error, given what it was told before.
func outcomeOf(err error, told *attempt.AttemptAborted) outcome {
	if told == nil {
		return failed(describe(err), spanloomv1.AttemptOutcome_ATTEMPT_OUTCOME_FAILURE)
	}
	described := describe(err)
	switch told.Kind {
	case attempt.Timeout:
		return failed(described, spanloomv1.AttemptOutcome_ATTEMPT_OUTCOME_TIMEOUT)
	case attempt.Cancelled:
		return failed(described, spanloomv1.AttemptOutcome_ATTEMPT_OUTCOME_CANCELLED)
	case attempt.Shutdown:
		return released(spanloomv1.ReleaseReason_RELEASE_REASON_SHUTDOWN)
	default:
		return failed(described, spanloomv1.AttemptOutcome_ATTEMPT_OUTCOME_FAILURE)
	}
}

// describe gives an error as it travels, and whether it may be tried again: a TerminalError never, a RetryableError may
// say when.
func describe(err error) *spanloomv1.TaskFailure {
	described := failure.Describe(err)
	var terminal *spanloom.TerminalError
	var retryable *spanloom.RetryableError
	switch {
	case errors.As(err, &terminal):
		no := false
		described.Retryable = &no
	case errors.As(err, &retryable):
		yes := true
		described.Retryable = &yes
		if retryable.After > 0 {
			described.RetryAfter = durationpb.New(min(retryable.After, maxRetryAfter))
		}
	}
	return described
}

func newResult(task *spanloomv1.LeasedTask, startedAt, endedAt time.Time) *spanloomv1.TaskResult {
	return &spanloomv1.TaskResult{
		TaskId:     task.GetTaskId(),
		Attempt:    task.GetAttempt(),
		LeaseToken: task.GetLeaseToken(),
		StartedAt:  timestamppb.New(startedAt),
		EndedAt:    timestamppb.New(endedAt),
	}
}

// put says in a result how the attempt ended.
func (o outcome) put(result *spanloomv1.TaskResult) {
	switch {
	case o.success != nil:
		result.Outcome = &spanloomv1.TaskResult_Success{Success: o.success}
	case o.failure != nil:
		result.Outcome = &spanloomv1.TaskResult_Failure{Failure: o.failure}
	default:
		result.Outcome = &spanloomv1.TaskResult_Released{Released: &spanloomv1.TaskRelease{Reason: o.released}}
	}
}
