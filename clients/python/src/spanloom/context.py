"""What a task's code is given besides its input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from .durations import Duration, from_timestamp
from .errors import AttemptAborted, ErrorFacts, SpanloomError, invalid
from .runner.failure import describe
from .snapshots import Failure, TaskState
from .submission import DependsOn, SubmissionBuilder, TaskHandles
from .task import Task
from .tracing.attempt_tracing import AttemptTracing
from .tracing.log_handler import exception_attributes
from .v1 import task_pb2

Output = TypeVar("Output")

MAX_LABELS = 100


@dataclass(frozen=True)
class Dependency:
    """What a dependency left behind; ``output`` is None unless it succeeded."""

    task_id: str
    name: str
    state: TaskState
    output: Any = field(repr=False)
    failure: Failure | None


class AttemptState(Protocol):
    """What a context needs of its attempt."""

    @property
    def aborted(self) -> AttemptAborted | None:
        """Why it was told to stop; None while it was not."""

    @property
    def running(self) -> bool:
        """Whether its code may still submit tasks."""

    def wait_aborted(self, seconds: float) -> bool:
        """Waits until it is told to stop, at most so long; gives whether it was."""

    def set_progress(self, progress: task_pb2.Progress) -> bool:
        """Sets one label's progress; False when there would be too many labels."""

    def set_display(self, text: str) -> None:
        """Sets the text for people."""


class TaskLog:
    """Writes log records that carry the attempt's identity and the active span.

    Attributes may be of any type: what OpenTelemetry has none for becomes text. The standard library's ``logging``
    reaches the attempt as well.
    """

    def __init__(self, tracing: AttemptTracing) -> None:
        self._tracing = tracing

    def trace(self, message: str, **attributes: object) -> None:
        """Step by step."""
        self._tracing.add_log("TRACE", message, attributes)

    def debug(self, message: str, **attributes: object) -> None:
        """For the developer of the task."""
        self._tracing.add_log("DEBUG", message, attributes)

    def info(self, message: str, **attributes: object) -> None:
        """For whoever reads along."""
        self._tracing.add_log("INFO", message, attributes)

    def warn(self, message: str, **attributes: object) -> None:
        """Something is odd, the work goes on."""
        self._tracing.add_log("WARN", message, attributes)

    def error(self, message: str, error: BaseException | None = None, **attributes: object) -> None:
        """Something failed; an exception becomes its type, message and stack."""
        self._tracing.add_log("ERROR", message, _with_error(attributes, error))

    def fatal(self, message: str, error: BaseException | None = None, **attributes: object) -> None:
        """Nothing can go on."""
        self._tracing.add_log("FATAL", message, _with_error(attributes, error))

    def write(
        self,
        body: object,
        *,
        severity: str = "INFO",
        attributes: Mapping[str, object] | None = None,
        event_name: str = "",
    ) -> None:
        """Writes a record whose body need not be text."""
        self._tracing.add_log(severity, body, attributes or {}, event_name=event_name)


class TaskContext:
    """Belongs to one attempt and is of no use after it.

    Concurrency: safe from any thread of the attempt.
    Source: design telemetry 2, protocol 4.
    """

    def __init__(
        self,
        task: task_pb2.LeasedTask,
        state: AttemptState,
        *,
        tracing: AttemptTracing,
        tracer: Tracer,
        read_dependencies: Callable[[], Iterator[Dependency]],
    ) -> None:
        self._task = task
        self._state = state
        self._enabled = tracing.host.enabled
        self._read_dependencies = read_dependencies
        self._children: SubmissionBuilder | None = None
        self.tracer = tracer
        self.log = TaskLog(tracing)

    @property
    def job_id(self) -> str:
        """The job, a UUID."""
        return self._task.job_id

    @property
    def job_name(self) -> str:
        """Name of the job."""
        return self._task.job_name

    @property
    def task_id(self) -> str:
        """The task, a UUID: the same for all its attempts, so a good key for what the task does elsewhere."""
        return self._task.task_id

    @property
    def parent_id(self) -> str | None:
        """The task whose attempt submitted this one; None for roots."""
        return self._task.parent_id or None

    @property
    def attempt(self) -> int:
        """Number of this attempt, from 1."""
        return self._task.attempt

    @property
    def attempts_left(self) -> int:
        """Attempts left after this one, by the retry policy."""
        return self._task.attempts_left

    @property
    def queue(self) -> str:
        """Queue the task came from."""
        return self._task.queue

    @property
    def deadline(self) -> datetime | None:
        """When this attempt is stopped; None when neither timeout nor job deadline is set."""
        return from_timestamp(self._task.deadline) if self._task.HasField("deadline") else None

    @property
    def cancelled(self) -> bool:
        """Whether the attempt should stop: it was cancelled, timed out, lost its lease, or the runner is stopping."""
        return self._state.aborted is not None

    def check(self) -> None:
        """Raises AttemptAborted when the attempt should stop. Long loops of plain functions call it now and then.

        Async functions need not: they are cancelled, as asyncio does it.
        """
        if self._state.aborted is not None:
            raise self._state.aborted

    def sleep(self, seconds: float) -> None:
        """Sleeps in a plain function. Raises AttemptAborted as soon as the attempt should stop."""
        self._state.wait_aborted(seconds)
        self.check()

    def submit(
        self,
        task: Task[Any, Any],
        input: object = None,
        *,
        depends_on: DependsOn | None = None,
        display: str | None = None,
        start_delay: Duration | None = None,
        **options: Any,
    ) -> TaskHandles:
        """Submits one child. It becomes visible, with all others, when this attempt succeeds; if it fails, none was.

        Errors: INVALID_FIELD when the input is not data; INVALID_DEPENDENCY for a handle of another attempt or job;
        LIMIT_EXCEEDED over 100,000 children.
        """
        builder = self._builder(task)
        return builder.submit(task, input, depends_on=depends_on, display=display, start_delay=start_delay, **options)

    def submit_many(
        self,
        task: Task[Any, Any],
        inputs: Sequence[object],
        *,
        depends_on: DependsOn | None = None,
        displays: Sequence[str] | None = None,
        start_delay: Duration | None = None,
        **options: Any,
    ) -> TaskHandles:
        """Submits one child per input, as one group: what depends on the handles waits for all of them."""
        builder = self._builder(task)
        return builder.submit_many(
            task, inputs, depends_on=depends_on, displays=displays, start_delay=start_delay, **options
        )

    def dependencies(self) -> Iterator[Dependency]:
        """What the tasks this one depends on left behind, in submission order, page by page as it is read."""
        return self._read_dependencies()

    def outputs_of(self, task: Task[Any, Output]) -> list[Output]:
        """Outputs of the dependencies that ran this task and succeeded, in submission order."""
        return [each.output for each in self.dependencies() if each.name == task.name and each.state == "SUCCEEDED"]

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue] | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Iterator[Span]:
        """A span of its own around a block: ``with ctx.span("download") as span:``, in async functions as well.

        What is raised within is recorded on the span, with status ERROR and ``error.type``, and raised on.
        """
        span = self.tracer.start_span(name, kind=kind, attributes=attributes)
        # One that records nothing has the ids of the active one, which may as well stay active.
        if not self._enabled:
            yield span
            return
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield span
        except GeneratorExit:
            raise
        except BaseException as error:
            _fail_span(span, error)
            raise
        finally:
            span.end()

    def progress(self, done: int, total: int = 0, label: str = "") -> None:
        """Says how far the attempt is; shown live and kept with its result. At most 100 labels."""
        message = task_pb2.Progress(label=label, done=_count(done, "done"), total=_count(total, "total"))
        if self._state.set_progress(message):
            return
        facts = ErrorFacts(field="label", limit=MAX_LABELS)
        raise SpanloomError(
            "LIMIT_EXCEEDED", f'cannot set progress "{label}": an attempt has at most {MAX_LABELS} labels', facts
        )

    def display(self, text: str) -> None:
        """Sets the task's text for people."""
        self._state.set_display(str(text))

    @property
    def children(self) -> SubmissionBuilder | None:
        """What was submitted; None when nothing was."""
        return self._children

    def _builder(self, task: Task[Any, Any]) -> SubmissionBuilder:
        if not self._state.running:
            name = getattr(task, "name", task)
            raise SpanloomError("INVALID_STATE", f'cannot submit task "{name}": the attempt has ended')
        if self._children is None:
            self._children = SubmissionBuilder()
        return self._children


def _with_error(attributes: Mapping[str, object], error: BaseException | None) -> Mapping[str, object]:
    return {**attributes, **exception_attributes(error)} if error is not None else attributes


def _fail_span(span: Span, error: BaseException) -> None:
    """Tells a span what was raised within it."""
    failure = describe(error)
    event: dict[str, AttributeValue] = {
        "exception.type": failure.type,
        "exception.message": failure.message,
        "exception.stacktrace": failure.stack,
    }
    span.add_event("exception", event)
    # A status code, say, that the code put there tells more than the name of what was raised.
    if "error.type" not in (getattr(span, "attributes", None) or {}):
        span.set_attribute("error.type", failure.type)
    span.set_status(Status(StatusCode.ERROR, failure.message))


def _count(value: float, field_name: str) -> int:
    if isinstance(value, (int, float)) and 0 <= value < 2**63:
        return int(value)
    raise invalid(field_name, f"cannot set progress: {field_name} is {value!r}, must be at least 0")
