"""Jobs and tasks as they stood when the server answered: plain data, nothing in it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

from google.protobuf.message import Message

from .durations import from_timestamp
from .payload import decode_payload
from .v1 import job_service_pb2, task_pb2, trigger_pb2

JobState = Literal["QUEUED", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED"]
TaskState = Literal[
    "BLOCKED", "SCHEDULED", "QUEUED", "RUNNING", "WAITING", "SUCCEEDED", "FAILED", "CANCELLED", "SKIPPED"
]
AttemptOutcome = Literal["RUNNING", "SUCCESS", "FAILURE", "TIMEOUT", "CANCELLED", "LOST", "RELEASED"]

ENDED: frozenset[JobState] = frozenset(("SUCCEEDED", "FAILED", "CANCELLED"))


@dataclass(frozen=True)
class Failure:
    """An error in a task's code: its class, its message, its stack (empty when there was none)."""

    type: str
    message: str
    stack: str = field(default="", repr=False)


@dataclass(frozen=True)
class Progress:
    """How far something is, under one label (empty for the one unlabelled bar); ``total`` 0 when unknown."""

    label: str
    done: int
    total: int


@dataclass(frozen=True)
class TaskCounts:
    """Tasks of a job by state."""

    blocked: int
    scheduled: int
    queued: int
    running: int
    waiting: int
    succeeded: int
    failed: int
    cancelled: int
    skipped: int


@dataclass(frozen=True)
class JobTrigger:
    """What set a job going: MANUAL, SCHEDULE, EVENT, WEBHOOK or CLONE, with names and ids as far as they apply.

    The type of a schedule fired by hand is MANUAL. ``depth``: jobs and events in a row that led to it.
    """

    type: str
    schedule: str | None
    schedule_id: str | None
    scheduled_at: datetime | None
    backfill: bool
    trigger: str | None
    trigger_id: str | None
    event_id: str | None
    cloned_job_id: str | None
    depth: int


@dataclass(frozen=True)
class Job:
    """A job. ``outputs`` of its roots are there, in order, when it succeeded and they were asked for."""

    id: str
    name: str
    state: JobState
    tags: dict[str, str]
    queue: str
    priority: int
    counts: TaskCounts
    attempts: int
    progress: tuple[Progress, ...]
    failure: Failure | None
    failed_task_id: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    retried_at: datetime | None
    cancel_reason: str | None
    trigger: JobTrigger | None
    trace_id: str
    span_id: str
    outputs: tuple[Any, ...] | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether it will never change again, but by a retry."""
        return self.state in ENDED

    @property
    def output(self) -> Any:
        """Output of its first root; None when it did not succeed or outputs were not asked for."""
        return self.outputs[0] if self.outputs else None


@dataclass(frozen=True)
class Attempt:
    """One attempt of a task; ``outcome`` is RUNNING while it has not ended."""

    number: int
    runner_id: str
    outcome: AttemptOutcome
    started_at: datetime | None
    ended_at: datetime | None
    failure: Failure | None
    span_id: str


@dataclass(frozen=True)
class TaskInfo:
    """A task of a job; ``depends_on`` names at most the first 1,000 of ``dependency_count``."""

    id: str
    job_id: str
    parent_id: str | None
    name: str
    version: str
    queue: str
    state: TaskState
    depth: int
    display: str
    optional: bool
    depends_on: tuple[str, ...]
    dependency_count: int
    child_count: int
    attempts: tuple[Attempt, ...]
    progress: tuple[Progress, ...]
    failure: Failure | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    span_id: str
    input: Any = field(default=None, repr=False)
    output: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class QueueStats:
    """The backlog of a queue; ``throttled`` of those queued wait for a concurrency key or a rate limit."""

    queue: str
    queued: int
    scheduled: int
    running: int
    runners: int
    throttled: int
    oldest_queued_at: datetime | None


def to_job(job: job_service_pb2.Job) -> Job:
    """A job of the protocol as plain data."""
    owner = f'cannot read the output of job "{job.name}"'
    counts = job.counts
    return Job(
        id=job.id,
        name=job.name,
        state=cast("JobState", job_state_name(job.state)),
        tags=dict(job.tags),
        queue=job.queue,
        priority=job.priority,
        counts=TaskCounts(
            blocked=counts.blocked,
            scheduled=counts.scheduled,
            queued=counts.queued,
            running=counts.running,
            waiting=counts.waiting,
            succeeded=counts.succeeded,
            failed=counts.failed,
            cancelled=counts.cancelled,
            skipped=counts.skipped,
        ),
        attempts=job.attempts,
        progress=_progress(job.progress),
        failure=to_failure(job.failure) if job.HasField("failure") else None,
        failed_task_id=job.failed_task_id or None,
        created_at=from_timestamp(job.created_at),
        started_at=time_of(job, "started_at"),
        ended_at=time_of(job, "ended_at"),
        retried_at=time_of(job, "retried_at"),
        cancel_reason=job.cancel_reason or None,
        trigger=_trigger(job.trigger) if job.HasField("trigger") else None,
        trace_id=job.span.trace_id,
        span_id=job.span.span_id,
        outputs=tuple(decode_payload(each, owner) for each in job.outputs) if job.outputs else None,
    )


def to_task(task: task_pb2.Task, payloads: bool) -> TaskInfo:
    """A task of the protocol as plain data, with its input and output when ``payloads``."""
    owner = f'cannot read task "{task.identifier.name}" ({task.id})'
    return TaskInfo(
        id=task.id,
        job_id=task.job_id,
        parent_id=task.parent_id or None,
        name=task.identifier.name,
        version=task.identifier.version,
        queue=task.queue,
        state=task_state_name(task.state),
        depth=task.depth,
        display=task.display,
        optional=task.optional,
        depends_on=tuple(task.depends_on),
        dependency_count=task.dependency_count,
        child_count=task.child_count,
        attempts=tuple(_attempt(each) for each in task.attempts),
        progress=_progress(task.progress),
        failure=to_failure(task.failure) if task.HasField("failure") else None,
        created_at=from_timestamp(task.created_at),
        started_at=time_of(task, "started_at"),
        ended_at=time_of(task, "ended_at"),
        span_id=task.span.span_id,
        input=decode_payload(task.input, owner) if payloads else None,
        output=decode_payload(task.output, owner) if payloads else None,
    )


def to_queue_stats(stats: job_service_pb2.QueueStats) -> QueueStats:
    """The backlog of a queue as plain data."""
    return QueueStats(
        queue=stats.queue,
        queued=stats.queued,
        scheduled=stats.scheduled,
        running=stats.running,
        runners=stats.runners,
        throttled=stats.throttled,
        oldest_queued_at=time_of(stats, "oldest_queued_at"),
    )


def to_failure(failure: task_pb2.TaskFailure) -> Failure:
    """A failure of the protocol as plain data."""
    return Failure(failure.type, failure.message, failure.stack)


def job_state_name(state: int) -> str:
    """A job state by name; what is not known here by number."""
    value = job_service_pb2.JobState.DESCRIPTOR.values_by_number.get(state)
    return str(value.name).removeprefix("JOB_STATE_") if value else str(state)


def task_state_name(state: int) -> TaskState:
    """A task state by name; what is not known here by number."""
    value = task_pb2.TaskState.DESCRIPTOR.values_by_number.get(state)
    return cast("TaskState", str(value.name).removeprefix("TASK_STATE_") if value else str(state))


def _trigger(info: trigger_pb2.TriggerInfo) -> JobTrigger:
    value = trigger_pb2.TriggerType.DESCRIPTOR.values_by_number.get(info.type)
    return JobTrigger(
        type=str(value.name).removeprefix("TRIGGER_TYPE_") if value else str(info.type),
        schedule=info.schedule or None,
        schedule_id=info.schedule_id or None,
        scheduled_at=time_of(info, "scheduled_at"),
        backfill=info.backfill,
        trigger=info.trigger or None,
        trigger_id=info.trigger_id or None,
        event_id=info.event_id or None,
        cloned_job_id=info.cloned_job_id or None,
        depth=info.depth,
    )


def _attempt(attempt: task_pb2.Attempt) -> Attempt:
    value = task_pb2.AttemptOutcome.DESCRIPTOR.values_by_number.get(attempt.outcome)
    name = str(value.name).removeprefix("ATTEMPT_OUTCOME_") if value else str(attempt.outcome)
    return Attempt(
        number=attempt.number,
        runner_id=attempt.runner_id,
        outcome=cast("AttemptOutcome", "RUNNING" if name == "UNSPECIFIED" else name),
        started_at=time_of(attempt, "started_at"),
        ended_at=time_of(attempt, "ended_at"),
        failure=to_failure(attempt.failure) if attempt.HasField("failure") else None,
        span_id=attempt.span.span_id,
    )


def _progress(entries: Any) -> tuple[Progress, ...]:
    return tuple(Progress(each.label, each.done, each.total) for each in entries)


def time_of(message: Message, field_name: str) -> datetime | None:
    """A time of a message; None when it has none."""
    return from_timestamp(getattr(message, field_name)) if message.HasField(field_name) else None
