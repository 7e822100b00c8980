"""Results of attempts, as they travel."""

from __future__ import annotations

import time

from ..durations import timestamp_of_ns
from ..v1 import task_pb2
from .attempt import Attempt

Outcome = task_pb2.TaskSuccess | task_pb2.TaskFailureResult | task_pb2.TaskRelease


def failed(
    failure: task_pb2.TaskFailure, outcome: task_pb2.AttemptOutcome = task_pb2.ATTEMPT_OUTCOME_FAILURE
) -> task_pb2.TaskFailureResult:
    """The code raised."""
    return task_pb2.TaskFailureResult(failure=failure, outcome=outcome)


def released(reason: task_pb2.ReleaseReason) -> task_pb2.TaskRelease:
    """The attempt is given back; costs no retry."""
    return task_pb2.TaskRelease(reason=reason)


def outcome_of_abort(attempt: Attempt, failure: task_pb2.TaskFailure) -> Outcome:
    """What an attempt that failed is reported as, given what it was told before."""
    kind = attempt.aborted.kind if attempt.aborted else None
    if kind == "timeout":
        return failed(failure, task_pb2.ATTEMPT_OUTCOME_TIMEOUT)
    if kind == "cancelled":
        return failed(failure, task_pb2.ATTEMPT_OUTCOME_CANCELLED)
    if kind == "shutdown":
        return released(task_pb2.RELEASE_REASON_SHUTDOWN)
    return failed(failure)


def to_result(attempt: Attempt, outcome: Outcome) -> task_pb2.TaskResult:
    """The result of an attempt that ends now."""
    ended_ns = time.time_ns()
    result = task_pb2.TaskResult(
        task_id=attempt.task.task_id,
        attempt=attempt.task.attempt,
        lease_token=attempt.task.lease_token,
        progress=attempt.progress,
        started_at=timestamp_of_ns(attempt.started_ns or ended_ns),
        ended_at=timestamp_of_ns(ended_ns),
    )
    if isinstance(outcome, task_pb2.TaskSuccess):
        result.success.CopyFrom(outcome)
    elif isinstance(outcome, task_pb2.TaskFailureResult):
        result.failure.CopyFrom(outcome)
    else:
        result.released.CopyFrom(outcome)
    return result
