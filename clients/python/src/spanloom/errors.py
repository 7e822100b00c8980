"""Errors: of calls, with the catalogue's reasons, and those that a task's code raises or is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .snapshots import Job

# Reason -> (Connect code, transient). Source: docs/errors.md; tests/test_errors.py keeps the two equal.
CATALOGUE: Mapping[str, tuple[str, bool]] = {
    "INVALID_FIELD": ("invalid_argument", False),
    "LIMIT_EXCEEDED": ("invalid_argument", False),
    "INVALID_DEPENDENCY": ("invalid_argument", False),
    "INVALID_PAGE_TOKEN": ("invalid_argument", False),
    "UNSUPPORTED_QUERY": ("invalid_argument", False),
    "JOB_NOT_FOUND": ("not_found", False),
    "TASK_NOT_FOUND": ("not_found", False),
    "RUNNER_NOT_FOUND": ("not_found", False),
    "INVALID_STATE": ("failed_precondition", False),
    "UNAUTHENTICATED": ("unauthenticated", False),
    "PERMISSION_DENIED": ("permission_denied", False),
    "IDEMPOTENCY_CONFLICT": ("already_exists", False),
    "STALE_LEASE": ("aborted", False),
    "CONCURRENCY_REJECTED": ("aborted", False),
    "STORE_UNAVAILABLE": ("unavailable", True),
    "TELEMETRY_UNAVAILABLE": ("unavailable", True),
    "SHUTTING_DOWN": ("unavailable", True),
    "OVERLOADED": ("resource_exhausted", True),
    "DEADLINE_EXCEEDED": ("deadline_exceeded", True),
    "UNIMPLEMENTED": ("unimplemented", False),
    "INTERNAL": ("internal", False),
    "SCHEDULE_NOT_FOUND": ("not_found", False),
    "TRIGGER_NOT_FOUND": ("not_found", False),
    "EVENT_NOT_FOUND": ("not_found", False),
    "WEBHOOK_NOT_FOUND": ("not_found", False),
}

# Reasons for errors that carry no details: made by a proxy, the transport or Connect itself.
REASON_BY_CODE: Mapping[str, str] = {
    "invalid_argument": "INVALID_FIELD",
    "unauthenticated": "UNAUTHENTICATED",
    "permission_denied": "PERMISSION_DENIED",
    "unavailable": "STORE_UNAVAILABLE",
    "resource_exhausted": "OVERLOADED",
    "deadline_exceeded": "DEADLINE_EXCEEDED",
    "unimplemented": "UNIMPLEMENTED",
    "aborted": "STALE_LEASE",
    "failed_precondition": "INVALID_STATE",
}


@dataclass(frozen=True)
class ErrorFacts:
    """Facts beside the reason of an error.

    Units: ``retry_after`` seconds.
    Source: proto/spanloom/v1/error.proto ErrorDetail.
    """

    field: str | None = None
    limit: int | None = None
    actual: int | None = None
    retry_after: float | None = None
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)


class SpanloomError(Exception):
    """A call failed, or was refused before it was made; ``reason`` says why, stable across releases.

    Messages read "cannot X: Y" and quote the offending value.
    """

    def __init__(self, reason: str, message: str, facts: ErrorFacts | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.facts = facts or ErrorFacts()

    def __reduce__(self) -> tuple[object, ...]:
        return SpanloomError, (self.reason, str(self), self.facts)

    @property
    def code(self) -> str:
        """Connect code of the reason, e.g. ``not_found``."""
        return CATALOGUE.get(self.reason, ("internal", False))[0]

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without a change."""
        return CATALOGUE.get(self.reason, ("internal", False))[1]


def invalid(field_name: str, message: str) -> SpanloomError:
    """An INVALID_FIELD error that names the field."""
    return SpanloomError("INVALID_FIELD", message, ErrorFacts(field=field_name))


class JobFailedError(Exception):
    """The job did not succeed, and its result was asked for; ``job`` is the job as it ended."""

    def __init__(self, job: Job) -> None:
        why = f": {job.failure.type}: {job.failure.message}" if job.failure else ""
        super().__init__(f'cannot return the result of job "{job.name}" ({job.id}): it ended {job.state}{why}')
        self.job = job

    def __reduce__(self) -> tuple[object, ...]:
        return JobFailedError, (self.job,)


class TerminalError(Exception):
    """Raised by a task's code to end the task now: it is never tried again, whatever its retry policy says."""


class RetryableError(Exception):
    """Raised by a task's code to ask for another attempt, no sooner than ``retry_after`` (seconds or a timedelta).

    The retry policy still bounds the number of attempts.
    """

    def __init__(self, message: str = "", *, retry_after: float | timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after.total_seconds() if isinstance(retry_after, timedelta) else retry_after


AbortKind = Literal["cancelled", "timeout", "lease_lost", "shutdown"]


class AttemptAborted(BaseException):
    """The attempt was told to stop: let it propagate, and the runner reports the attempt as cancelled or timed out.

    It is no Exception, as asyncio's CancelledError is none, so that ``except Exception`` does not swallow it.
    """

    def __init__(self, kind: AbortKind, message: str) -> None:
        super().__init__(message)
        self.kind: AbortKind = kind

    def __reduce__(self) -> tuple[object, ...]:
        return AttemptAborted, (self.kind, str(self))
