"""Jobs as they are asked for: options, conditions, and the requests made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from .durations import Duration, check_seconds, to_duration, to_timestamp
from .errors import invalid
from .ids import new_id
from .snapshots import JobState
from .submission import SubmissionBuilder
from .task import Concurrency, Retry, check_range
from .tracing.client_spans import ClientSpan
from .tracing.trace_context import TRACE_HEADERS, TraceCarrier, active_carrier, carrier_among
from .v1 import job_service_pb2 as pb

MAX_JOBS_PER_REQUEST = 1_000
# A quarter of what a server reads, as for results of a runner.
MAX_REQUEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class JobOptions:
    """Options of a job; None leaves it to the server.

    ``trace`` is the trace context of the submitter: by default that of the active span; False sends none.

    Units: ``deadline`` in seconds after submission, or a timedelta.
    """

    name: str | None = None
    tags: Mapping[str, str] | None = None
    queue: str | None = None
    priority: int | None = None
    idempotency_key: str | None = None
    start_at: datetime | None = None
    deadline: Duration | None = None
    trace_mode: Literal["child", "link"] = "child"
    trace: TraceCarrier | Literal[False] | None = None
    concurrency: Concurrency | None = None
    retry: Retry | None = None
    display: str | None = None


def to_job_options(options: Mapping[str, Any]) -> JobOptions:
    """Options from keyword arguments. Errors: INVALID_FIELD for one that is not known."""
    unknown = options.keys() - JobOptions.__dataclass_fields__.keys()
    if unknown:
        raise invalid(min(unknown), f"cannot submit a job: {min(unknown)} is no option of a job")
    return JobOptions(**options)


def given_trace(options: JobOptions) -> TraceCarrier | Literal[False] | None:
    """Trace context that the caller names: the option, else a valid traceparent among the tags; else None."""
    return options.trace if options.trace is not None else carrier_among(options.tags or {})


def submit_request(
    roots: SubmissionBuilder, options: JobOptions, name: str, *, span: ClientSpan, key: str | None = None
) -> pb.SubmitJobRequest:
    """The request that submits one job. Errors: INVALID_FIELD."""
    owner = f'cannot submit job "{name}"'
    tags = dict(options.tags or {})
    if carrier_among(tags):
        # As a tag it would differ with each submission, and make one key stand for different requests.
        tags = {name: value for name, value in tags.items() if name.lower() not in TRACE_HEADERS}
    if options.priority is not None:
        check_range(options.priority, (-(2**31), 2**31 - 1), owner, "priority", whole=True)
    request = pb.SubmitJobRequest(
        name=name,
        tasks=roots.build(),
        idempotency_key=key or options.idempotency_key or new_id(),
        tags=tags,
        queue=options.queue or "",
        priority=options.priority or 0,
        concurrency=options.concurrency.to_message() if options.concurrency else None,
    )
    if options.start_at is not None:
        request.start_at.CopyFrom(to_timestamp(options.start_at, owner, "start_at"))
    if options.deadline is not None:
        request.deadline.CopyFrom(to_duration(check_seconds(options.deadline, owner, "deadline", 0.001)))
    put_trace(request, options, span)
    return request


def put_trace(request: pb.SubmitJobRequest | pb.CloneJobRequest, options: JobOptions, span: ClientSpan) -> None:
    """Says in a request where the job's span belongs."""
    given = given_trace(options)
    carrier = span.carrier or (active_carrier() if given is None else given)
    if carrier:
        request.trace.CopyFrom(carrier.to_message())
    mode = options.trace_mode.upper()
    if mode not in ("CHILD", "LINK"):
        raise invalid("trace_mode", f'cannot submit a job: trace_mode is "{options.trace_mode}", must be child or link')
    request.trace_mode = cast("pb.TraceMode", pb.TraceMode.Value(f"TRACE_MODE_{mode}"))


def request_batches(requests: Sequence[pb.SubmitJobRequest]) -> Iterator[list[pb.SubmitJobRequest]]:
    """Requests in as few batches as the server takes."""
    batch: list[pb.SubmitJobRequest] = []
    size = 0
    for request in requests:
        more = request.ByteSize()
        if batch and (len(batch) == MAX_JOBS_PER_REQUEST or size + more > MAX_REQUEST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(request)
        size += more
    if batch:
        yield batch


@dataclass(frozen=True)
class JobConditions:
    """Conditions on jobs; all that are given must hold."""

    states: Sequence[JobState] = ()
    name: str = ""
    tags: Mapping[str, str] | None = None
    queue: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    runner_id: str = ""


def to_job_filter(given: Mapping[str, Any]) -> pb.JobFilter:
    """Conditions as the protocol's filter. Errors: INVALID_FIELD for what is unknown or outside its domain."""
    owner = "cannot list jobs"
    unknown = given.keys() - JobConditions.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(JobConditions.__dataclass_fields__)
        raise invalid(min(unknown), f'{owner}: condition "{min(unknown)}" is not known; known are {known}')
    asked = JobConditions(**given)
    wanted = pb.JobFilter(name=asked.name, tags=dict(asked.tags or {}), queue=asked.queue, runner_id=asked.runner_id)
    for state in asked.states:
        if state not in _job_states():
            raise invalid("states", f'{owner}: state is "{state}", must be one of {", ".join(_job_states())}')
        wanted.states.append(cast("pb.JobState", pb.JobState.Value(f"JOB_STATE_{state}")))
    if asked.created_after is not None:
        wanted.created_after.CopyFrom(to_timestamp(asked.created_after, owner, "created_after"))
    if asked.created_before is not None:
        wanted.created_before.CopyFrom(to_timestamp(asked.created_before, owner, "created_before"))
    return wanted


def _job_states() -> list[str]:
    return [name.removeprefix("JOB_STATE_") for name in pb.JobState.keys()[1:]]
