"""Runs the code of one attempt in this process, and makes a result of what it does."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry import context
from opentelemetry.trace import Tracer

from ..context import Dependency, TaskContext
from ..errors import ErrorFacts, SpanloomError
from ..payload import decode_payload, encode_payload
from ..tracing.attempt_tracing import AttemptTracing, TracingHost
from ..tracing.records import Entries
from ..tracing.span_processor import RUNNING
from ..tracing.trace_context import AttemptOrigin
from ..v1 import task_pb2
from .attempt import Attempt
from .failure import to_failure, to_terminal_failure
from .task_result import Outcome, failed, outcome_of_abort, to_result

# Most bytes of one result: a request must hold it, and telemetry beside it.
MAX_RESULT_BYTES = 15 * 1024 * 1024


@dataclass(frozen=True)
class ExecuteServices:
    """What executing attempts takes."""

    tracer: Tracer
    host: TracingHost
    read_dependencies: Callable[[task_pb2.LeasedTask], Iterator[Dependency]]
    max_output_bytes: int


class Execution:
    """The code of one attempt, under way. Made for an attempt that has started."""

    def __init__(self, attempt: Attempt, services: ExecuteServices) -> None:
        self.attempt = attempt
        self._services = services
        task = attempt.task
        self.tracing = AttemptTracing(services.host, task)
        self._origin = AttemptOrigin(task.job_id, task.task_id, task.attempt)
        self._context = TaskContext(
            task,
            attempt,
            tracing=self.tracing,
            tracer=services.tracer,
            read_dependencies=lambda: services.read_dependencies(task),
        )
        RUNNING[self._origin] = self.tracing

    def run(self) -> Outcome:
        """Runs a plain function to its end, in a context of its own. Never raises."""
        return contextvars.Context().run(self._run)

    def finish(self, outcome: Outcome) -> tuple[task_pb2.TaskResult | None, Entries]:
        """The result, None for a lost attempt, and the last of its telemetry. Call once, after the attempt settled."""
        RUNNING.pop(self._origin, None)
        result = to_result(self.attempt, outcome)
        span = self.tracing.finish(result.ended_at.seconds * 1_000_000_000 + result.ended_at.nanos)
        if span is not None:
            result.attempt_span.CopyFrom(span)
        entries = self.tracing.buffer.seal()
        result.dropped_telemetry = self.tracing.buffer.dropped
        return (None if self.attempt.lost else result), entries

    def _run(self) -> Outcome:
        context.attach(self.tracing.start(self.attempt.started_ns))
        try:
            arguments = self._arguments()
        except SpanloomError as error:
            # Another attempt would be given the same input.
            return failed(to_terminal_failure(error))
        try:
            return self._succeed(self._attempted(**arguments))
        except BaseException as error:
            # Whatever it is, SystemExit included: it ends the attempt, and not the runner.
            return self.outcome_of(error)

    async def run_async(self) -> Outcome:
        """Runs an async function; to be made a task within a context of its own. Never raises."""
        context.attach(self.tracing.start(self.attempt.started_ns))
        try:
            arguments = self._arguments()
        except SpanloomError as error:
            return failed(to_terminal_failure(error))
        try:
            called: Any = self._attempted(**arguments)
            return self._succeed(await called)
        except BaseException as error:
            # As above; asyncio cancels an attempt that was told to stop.
            return self.outcome_of(error)

    def _arguments(self) -> dict[str, object]:
        definition = self.attempt.definition
        assert definition is not None
        value = decode_payload(self.attempt.task.input, f'cannot run task "{definition.name}"')
        return definition.bind(value, self._context)

    def _attempted(self, **arguments: object) -> object:
        definition = self.attempt.definition
        assert definition is not None
        return definition(**arguments)

    def _succeed(self, output: object) -> Outcome:
        aborted = self.attempt.aborted
        if aborted is not None and aborted.kind == "timeout":
            # Whatever it returned came too late.
            return self.outcome_of(aborted)
        try:
            return self._success(output)
        except SpanloomError as error:
            # What cannot be sent now could not be sent after another attempt.
            return failed(to_terminal_failure(error))

    def _success(self, output: object) -> task_pb2.TaskSuccess:
        owner = f'cannot return the output of task "{self.attempt.name}"'
        data = encode_payload(output, owner)
        _check_size(owner, len(data), self._services.max_output_bytes)
        success = task_pb2.TaskSuccess(output=data)
        children = self._context.children
        if children is not None:
            _check_size(
                f"{owner} and its children", len(data) + children.input_bytes + children.count * 8, MAX_RESULT_BYTES
            )
            success.children.CopyFrom(children.build())
        if self.attempt.display is not None:
            success.display = self.attempt.display
        return success

    def outcome_of(self, error: BaseException) -> Outcome:
        """What an attempt is reported as whose code raised this."""
        aborted = self.attempt.aborted
        if isinstance(error, asyncio.CancelledError) and aborted is not None:
            # asyncio's way to stop it, which says less than the reason.
            error = aborted
        return outcome_of_abort(self.attempt, to_failure(error))


def _check_size(owner: str, actual: int, limit: int) -> None:
    if actual > limit:
        facts = ErrorFacts(field="output", limit=limit, actual=actual)
        raise SpanloomError("LIMIT_EXCEEDED", f"{owner}: {actual} bytes, limit is {limit}", facts)
