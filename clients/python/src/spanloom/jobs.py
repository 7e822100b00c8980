"""Submits jobs and tells what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar, cast

from .durations import Duration, check_seconds, to_duration
from .errors import JobFailedError, SpanloomError, invalid
from .ids import new_id
from .job_requests import (
    MAX_JOBS_PER_REQUEST,
    JobOptions,
    given_trace,
    put_trace,
    request_batches,
    submit_request,
    to_job_filter,
    to_job_options,
)
from .payload import encode_payload
from .rpc.call_errors import facts_of, reason_name
from .rpc.connection import Connection
from .rpc.pages import pages
from .rpc.retry import retry_delay
from .rpc.services import JobCalls
from .snapshots import Job, QueueStats, TaskInfo, TaskState, job_state_name, to_job, to_queue_stats, to_task
from .submission import SubmissionBuilder
from .task import Task
from .tracing.client_spans import ClientSpans
from .tracing.trace_context import TraceCarrier
from .v1 import job_service_pb2 as pb

Input = TypeVar("Input")
Output = TypeVar("Output")

WAIT_SECONDS = 20.0
CALL_SECONDS = 15.0
MAX_WATCH_FAILURES = 5


class JobHandle(Generic[Output]):
    """A submitted job. Holds nothing open: letting it go costs nothing, and ``client.jobs`` does the same by id."""

    def __init__(self, jobs: Jobs, submitted: Job, output_of: Callable[[Job], Output]) -> None:
        self._jobs = jobs
        self._output_of = output_of
        self.submitted = submitted

    def __repr__(self) -> str:
        return f"<JobHandle {self.name} {self.id}>"

    @property
    def id(self) -> str:
        """The job, a UUIDv7."""
        return self.submitted.id

    @property
    def name(self) -> str:
        """Name of the job."""
        return self.submitted.name

    @property
    def trace_id(self) -> str:
        """Trace its spans are in, 32 hex digits."""
        return self.submitted.trace_id

    def wait(self, timeout: Duration | None = None) -> Job:
        """Waits until the job has ended, well or badly. Errors: DEADLINE_EXCEEDED after ``timeout``."""
        return self._jobs.wait(self.id, timeout=timeout)

    def result(self, timeout: Duration | None = None) -> Output:
        """Waits for the job and returns its output. Errors: JobFailedError when it did not succeed."""
        job = self.wait(timeout)
        if job.state != "SUCCEEDED":
            raise JobFailedError(job)
        return self._output_of(job)

    def watch(self) -> Iterator[Job]:
        """Streams the job as it changes; ends after the state that ended it."""
        return self._jobs.watch(self.id)

    def cancel(self, reason: str = "") -> Job:
        """Cancels the job; returns it as it then stands."""
        return self._jobs.cancel(self.id, reason)

    def retry(self, tasks: Sequence[str] = ()) -> Job:
        """Runs failed, cancelled and skipped tasks of the ended job again."""
        return self._jobs.retry(self.id, tasks)


class Jobs:
    """Jobs of one server. Made by a Client.

    Every call is repeated on transient errors; idempotency keys keep that from doing anything twice.

    Errors: SpanloomError; STORE_UNAVAILABLE after five tries.
    Concurrency: safe from any thread.
    """

    def __init__(self, connection: Connection, *, tracing: bool = True) -> None:
        self._calls = JobCalls(connection)
        self._spans = ClientSpans(connection.url, tracing)

    def submit(self, task: Task[Input, Output], input: Input | Any = None, **options: Any) -> JobHandle[Output]:
        """Submits one job with one root task; ``options`` are those of :class:`JobOptions`.

        Returns once the server has made it durable.

        Errors: INVALID_FIELD, LIMIT_EXCEEDED (caller); IDEMPOTENCY_CONFLICT.
        """
        wanted = to_job_options(options)
        roots = SubmissionBuilder()
        roots.submit(task, input, retry=wanted.retry, display=wanted.display)
        return cast("JobHandle[Output]", self._submit(roots, wanted, task.name, lambda job: job.output))

    def submit_many(
        self,
        task: Task[Input, Output],
        inputs: Sequence[Input | Any],
        *,
        idempotency_keys: Sequence[str] | None = None,
        **options: Any,
    ) -> list[JobHandle[Output]]:
        """Submits one job per input, in as few requests as can be.

        A job that is refused spoils no other: once all have been answered, the first refusal is raised.
        """
        wanted = to_job_options(options)
        if idempotency_keys is not None and len(idempotency_keys) != len(inputs):
            why = f"{len(idempotency_keys)} idempotency_keys for {len(inputs)} inputs, must be one for each"
            raise invalid("idempotency_keys", f"cannot submit jobs: {why}")
        with self._spans.trace(
            "submit", wanted.queue or "default", carrier=given_trace(wanted), count=len(inputs)
        ) as span:
            requests = []
            for index, value in enumerate(inputs):
                roots = SubmissionBuilder()
                roots.submit(task, value, retry=wanted.retry, display=wanted.display)
                key = idempotency_keys[index] if idempotency_keys else None
                requests.append(submit_request(roots, wanted, wanted.name or task.name, key=key, span=span))
            answers = [each for batch in request_batches(requests) for each in self._submit_batch(batch)]
        for answer in answers:
            if isinstance(answer, SpanloomError):
                raise answer
        return [JobHandle(self, cast("Job", job), lambda job: cast("Output", job.output)) for job in answers]

    def compose(
        self, name: str, build: Callable[[SubmissionBuilder], object], **options: Any
    ) -> JobHandle[tuple[Any, ...]]:
        """Submits one job with several roots: ``build`` submits them, with dependencies among them.

        The result is the outputs of the roots, in order.
        """
        roots = SubmissionBuilder()
        build(roots)
        if roots.count == 0:
            raise invalid("tasks", f'cannot submit job "{name}": it has no tasks')
        return self._submit(roots, to_job_options({"name": name, **options}), name, lambda job: job.outputs or ())

    def get(self, job_id: str) -> Job:
        """A job, outputs of its roots included. Errors: JOB_NOT_FOUND."""
        try:
            return to_job(self._calls.get_job(pb.GetJobRequest(job_id=job_id, include_outputs=True)).job)
        except SpanloomError as error:
            if error.reason != "LIMIT_EXCEEDED":
                raise
        # The outputs are too large for one answer.
        return self._with_outputs(to_job(self._calls.get_job(pb.GetJobRequest(job_id=job_id)).job))

    def list(self, *, limit: int | None = None, **conditions: Any) -> Iterator[Job]:
        """Jobs, newest first, page by page as they are read; ``conditions`` are those of :class:`JobConditions`."""
        wanted = to_job_filter(conditions)

        def page(size: int, token: str) -> tuple[list[Job], str]:
            request = pb.ListJobsRequest(filter=wanted, page_size=size, page_token=token)
            answer = self._calls.list_jobs(request)
            return [to_job(each) for each in answer.jobs], answer.next_page_token

        return pages(page, limit)

    def tasks(
        self,
        job_id: str,
        *,
        parent_id: str = "",
        states: Sequence[TaskState] = (),
        payloads: bool = False,
        limit: int | None = None,
    ) -> Iterator[TaskInfo]:
        """A job's tasks in the order they were created, page by page as they are read."""

        def page(size: int, token: str) -> tuple[list[TaskInfo], str]:
            request = pb.ListTasksRequest(
                job_id=job_id,
                parent_id=parent_id,
                states=[f"TASK_STATE_{state}" for state in states],
                include_payloads=payloads,
                page_size=size,
                page_token=token,
            )
            answer = self._calls.list_tasks(request)
            return [to_task(each, payloads) for each in answer.tasks], answer.next_page_token

        return pages(page, limit)

    def task(self, task_id: str) -> TaskInfo:
        """A task with its attempts, input and output. Errors: TASK_NOT_FOUND."""
        return to_task(self._calls.get_task(pb.GetTaskRequest(task_id=task_id)).task, True)

    def count(self, **conditions: Any) -> dict[str, int]:
        """Jobs by state; states without jobs are left out. ``conditions`` are those of :class:`JobConditions`."""
        request = pb.CountJobsRequest(filter=to_job_filter(conditions))
        return {job_state_name(each.state): each.count for each in self._calls.count_jobs(request).counts}

    def queues(self, *names: str) -> dict[str, QueueStats]:
        """The backlog of the queues named, or of all that have had tasks."""
        answer = self._calls.get_queue_stats(pb.GetQueueStatsRequest(queues=names))
        return {each.queue: to_queue_stats(each) for each in answer.queues}

    def wait(self, job_id: str, *, timeout: Duration | None = None) -> Job:
        """Waits until a job has ended, well or badly; outputs of its roots are included.

        A server that is away delays the answer and loses none.

        Errors: JOB_NOT_FOUND; DEADLINE_EXCEEDED after ``timeout``, and the job goes on.
        """
        return self.wait_all([job_id], timeout=timeout)[0]

    def wait_all(self, job_ids: Sequence[str], *, timeout: Duration | None = None) -> Sequence[Job]:
        """As :meth:`wait`, until each of several has ended; gives them in the order asked for."""
        seconds = None if timeout is None else check_seconds(timeout, "cannot wait for jobs", "timeout")
        deadline = None if seconds is None else time.monotonic() + seconds
        ended: dict[str, Job] = {}
        while missing := [job_id for job_id in dict.fromkeys(job_ids) if job_id not in ended]:
            for job in self._wait_once(missing[:MAX_JOBS_PER_REQUEST], deadline):
                ended[job.id] = self._with_outputs(job)
            if deadline is not None and time.monotonic() >= deadline and any(each not in ended for each in missing):
                first = next(each for each in missing if each not in ended)
                raise SpanloomError(
                    "DEADLINE_EXCEEDED", f'cannot wait for job "{first}": it has not ended within {seconds:g} s'
                )
        return [ended[job_id] for job_id in job_ids]

    def watch(self, job_id: str) -> Iterator[Job]:
        """Streams a job as it changes, starting with how it stands; ends after the state that ended it.

        A broken stream is opened again, so a state may come twice.
        """
        failures = 0
        while True:
            try:
                for answer in self._calls.watch_job(pb.WatchJobRequest(job_id=job_id)):
                    failures = 0
                    job = to_job(answer.job)
                    yield job
                    if job.ended:
                        return
                error = SpanloomError("STORE_UNAVAILABLE", "the stream ended before the job did")
            except SpanloomError as failure:
                error = failure
                if not error.retryable or failures + 1 >= MAX_WATCH_FAILURES:
                    raise
            failures += 1
            time.sleep(retry_delay(failures, error))

    def cancel(self, job_id: str, reason: str = "") -> Job:
        """Cancels a job; returns it as it then stands. One that has ended is left as it is. Errors: JOB_NOT_FOUND."""
        with self._spans.trace("cancel", job_id=job_id) as span:
            answer = self._calls.cancel_job(pb.CancelJobRequest(job_id=job_id, reason=reason))
            span.found(answer.job)
        return to_job(answer.job)

    def retry(self, job_id: str, tasks: Sequence[str] = ()) -> Job:
        """Runs failed, cancelled and skipped tasks of an ended job again: all, or those named.

        Errors: JOB_NOT_FOUND, TASK_NOT_FOUND; INVALID_STATE when the job has not ended or there is nothing to run.
        """
        with self._spans.trace("retry", job_id=job_id) as span:
            request = pb.RetryJobRequest(job_id=job_id, task_ids=tasks, idempotency_key=new_id())
            answer = self._calls.retry_job(request)
            span.found(answer.job)
        return to_job(answer.job)

    def clone(
        self,
        job_id: str,
        *,
        name: str = "",
        tags: Mapping[str, str] | None = None,
        inputs: Mapping[int, object] | None = None,
        build: Callable[[SubmissionBuilder], object] | None = None,
        idempotency_key: str | None = None,
        trace_mode: Literal["child", "link"] = "child",
        trace: TraceCarrier | Literal[False] | None = None,
    ) -> JobHandle[Any]:
        """Submits a new job from another's roots, with edits.

        ``inputs`` replaces those of roots, by their place among them from 0; ``build`` submits other roots altogether.

        Errors: JOB_NOT_FOUND; those of ``submit``.
        """
        owner = f'cannot clone job "{job_id}"'
        request = pb.CloneJobRequest(
            job_id=job_id,
            name=name,
            tags=dict(tags or {}),
            idempotency_key=idempotency_key or new_id(),
            inputs={place: encode_payload(value, f"{owner}, input {place}") for place, value in (inputs or {}).items()},
        )
        if build is not None:
            roots = SubmissionBuilder()
            build(roots)
            if roots.count == 0:
                raise invalid("tasks", f"{owner}: the new roots are none")
            request.tasks.CopyFrom(roots.build())
        wanted = JobOptions(trace=trace, trace_mode=trace_mode)
        with self._spans.trace("clone", job_id=job_id, carrier=given_trace(wanted)) as span:
            put_trace(request, wanted, span)
            answer = self._calls.clone_job(request)
            span.found(answer.job)
        return JobHandle(self, to_job(answer.job), lambda job: job.output)

    def _submit(
        self, roots: SubmissionBuilder, wanted: JobOptions, name: str, output_of: Callable[[Job], Output]
    ) -> JobHandle[Output]:
        with self._spans.trace("submit", wanted.queue or "default", carrier=given_trace(wanted)) as span:
            answer = self._calls.submit_job(submit_request(roots, wanted, wanted.name or name, span=span))
            span.found(answer.job)
        return JobHandle(self, to_job(answer.job), output_of)

    def _submit_batch(self, requests: Sequence[pb.SubmitJobRequest]) -> Iterator[Job | SpanloomError]:
        for result in self._calls.submit_jobs(pb.SubmitJobsRequest(jobs=requests)).results:
            if result.WhichOneof("result") == "submitted":
                yield to_job(result.submitted.job)
            else:
                error = result.error
                reason = reason_name(error.detail.reason) or "INTERNAL"
                yield SpanloomError(reason, error.message, facts_of(error.detail))

    def _wait_once(self, job_ids: Sequence[str], deadline: float | None) -> Sequence[Job]:
        left = WAIT_SECONDS if deadline is None else max(0.0, min(WAIT_SECONDS, deadline - time.monotonic()))
        request = pb.WaitJobsRequest(job_ids=job_ids, wait=to_duration(left), include_outputs=True)
        failures = 0
        while True:
            try:
                answer = self._calls.wait_jobs(request, left + CALL_SECONDS)
                break
            except SpanloomError as error:
                if not error.retryable or (deadline is not None and time.monotonic() >= deadline):
                    raise
                failures += 1
                time.sleep(retry_delay(failures, error))
        if answer.unknown_job_ids:
            unknown = answer.unknown_job_ids[0]
            raise SpanloomError("JOB_NOT_FOUND", f'cannot wait for job "{unknown}": no job has this id')
        return [to_job(each) for each in answer.jobs]

    def _with_outputs(self, job: Job) -> Job:
        """A succeeded job with its outputs, which a server leaves out of an answer that they would make too large."""
        if job.state != "SUCCEEDED" or job.outputs is not None:
            return job
        outputs = []
        for task in self.tasks(job.id, payloads=True):
            # Roots come first.
            if task.parent_id is not None:
                break
            outputs.append(task.output)
        return Job(**{**job.__dict__, "outputs": tuple(outputs)})
