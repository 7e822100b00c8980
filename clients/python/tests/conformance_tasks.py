"""The tasks of a runner under test. Source: conformance/runner-tasks.md."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from spanloom import (
    AttemptAborted,
    Retry,
    RetryableError,
    TaskContext,
    TaskHandles,
    TerminalError,
    active_carrier,
    declare,
    task,
)

Step = Mapping[str, Any]


class ConformanceError(Exception):
    """The error of ``fail``."""


@task(name="conformance.echo", version="1.2")
def echo(value: object = None) -> object:
    return value


@task(name="conformance.version", version="1.4")
def version_one() -> str:
    return "1.4"


@task(name="conformance.version", version="2.1")
def version_two() -> str:
    return "2.1"


@task(name="conformance.steps")
def steps(value: dict[str, Any], ctx: TaskContext) -> list[object]:
    gave: list[object] = []
    _do_all(value["steps"], ctx, gave)
    return gave


def _do_all(all_steps: Sequence[Step], ctx: TaskContext, gave: list[object]) -> None:
    for step in all_steps:
        kind = step["do"]
        if kind in _VALUES:
            gave.append(_VALUES[kind](step, ctx))
        elif kind in _NESTING:
            _NESTING[kind](step, ctx, gave)
        elif kind in _EFFECTS:
            _EFFECTS[kind](step, ctx)
        else:
            raise ValueError(f'cannot do a step: "{kind}" is none')


def _info(_: Step, ctx: TaskContext) -> object:
    return {
        "job_id": ctx.job_id,
        "job_name": ctx.job_name,
        "task_id": ctx.task_id,
        "parent_id": ctx.parent_id,
        "attempt": ctx.attempt,
        "attempts_left": ctx.attempts_left,
        "queue": ctx.queue,
        "deadline_ms": round(ctx.deadline.timestamp() * 1000) if ctx.deadline else None,
    }


def _propagation(_: Step, __: TaskContext) -> object:
    carrier = active_carrier()
    if carrier is None:
        return {"traceparent": "", "tracestate": "", "baggage": ""}
    return {"traceparent": carrier.traceparent, "tracestate": carrier.tracestate, "baggage": carrier.baggage}


def _dependencies(_: Step, ctx: TaskContext) -> object:
    return [
        {
            "task_id": each.task_id,
            "name": each.name,
            "state": each.state,
            "output": each.output,
            "failure": {"type": each.failure.type, "message": each.failure.message} if each.failure else None,
        }
        for each in ctx.dependencies()
    ]


def _wait(step: Step, ctx: TaskContext) -> object:
    try:
        ctx.sleep(step.get("ms", 60_000) / 1000)
    except AttemptAborted:
        if step.get("on_stop", "raise") == "raise":
            raise
        return "stopped"
    return "elapsed"


def _submit(step: Step, ctx: TaskContext) -> None:
    handles: list[TaskHandles] = []
    for group in step["groups"]:
        options: dict[str, Any] = {name: group[name] for name in ("queue", "optional", "priority") if name in group}
        for field, option in (
            ("attempt_timeout_ms", "timeout"),
            ("queue_timeout_ms", "queue_timeout"),
            ("start_delay_ms", "start_delay"),
        ):
            if field in group:
                options[option] = group[field] / 1000
        if "retry" in group:
            options["retry"] = _retry(group["retry"])
        handles.append(
            ctx.submit_many(
                declare(group["task"], group.get("version", "1.0")),
                group["inputs"],
                depends_on=[handles[index] for index in group.get("depends_on", [])],
                displays=group.get("displays"),
                **options,
            )
        )


def _retry(given: Mapping[str, Any]) -> Retry:
    plain = ("max_attempts", "factor", "jitter", "non_retryable_types")
    options: dict[str, Any] = {name: given[name] for name in plain if name in given}
    for field, option in (("initial_delay_ms", "initial_delay"), ("max_delay_ms", "max_delay")):
        if field in given:
            options[option] = given[field] / 1000
    return Retry(**options)


def _fail(step: Step, _: TaskContext) -> None:
    cause: ConformanceError | None = None
    for text in reversed(step.get("causes", [])):
        cause = _caused(ConformanceError(text), cause)
    raise _caused(_error(step), cause)


def _error(step: Step) -> Exception:
    kind, message = step.get("error", "plain"), step["message"]
    if kind == "terminal":
        return TerminalError(message)
    if kind == "retryable":
        after = step.get("retry_after_ms")
        return RetryableError(message, retry_after=None if after is None else after / 1000)
    return ConformanceError(message)


def _caused(error: Any, cause: BaseException | None) -> Any:
    error.__cause__ = cause
    return error


def _span(step: Step, ctx: TaskContext, gave: list[object]) -> None:
    kind, attributes = SpanKind[step.get("kind", "INTERNAL")], step.get("attributes")
    if step.get("api", "context") == "context":
        with ctx.span(step["name"], attributes, kind=kind) as span:
            _within(span, step, ctx, gave)
        return
    library = trace.get_tracer("conformance.library", "1.0")
    with library.start_as_current_span(
        step["name"], kind=kind, attributes=attributes, end_on_exit=not step.get("open", False)
    ) as span:
        _within(span, step, ctx, gave)


def _within(span: Span, step: Step, ctx: TaskContext, gave: list[object]) -> None:
    for event in step.get("events", []):
        span.add_event(event["name"], event.get("attributes"))
    for each in step.get("links", []):
        link = _link(each)
        span.add_link(link.context, link.attributes)
    _do_all(step.get("steps", []), ctx, gave)
    if "status" in step:
        span.set_status(Status(StatusCode[step["status"]["code"]], step["status"].get("message")))


def _link(given: Mapping[str, Any]) -> Link:
    _, trace_id, span_id, flags = given["traceparent"].split("-")
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return Link(context, given.get("attributes"))


def _log(step: Step, ctx: TaskContext) -> None:
    ctx.log.write(step["message"], severity=step["severity"], attributes=step.get("attributes"))


def _hop(step: Step, ctx: TaskContext, gave: list[object]) -> None:
    """In another thread, with the context handed over as Python's documentation has it."""
    raised: list[BaseException] = []

    @contextmanager
    def catching() -> Any:
        try:
            yield
        except BaseException as error:
            raised.append(error)

    def run() -> None:
        with catching():
            _do_all(step["steps"], ctx, gave)

    thread = threading.Thread(target=copy_context().run, args=(run,))
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def _stubborn(step: Step, _: TaskContext) -> None:
    time.sleep(step["ms"] / 1000)


def _busy(step: Step, _: TaskContext) -> None:
    """Holds the interpreter's lock, as C code may: no other thread runs meanwhile."""
    ctypes.PyDLL(None).usleep(int(step["ms"] * 1000))


_VALUES: Mapping[str, Callable[[Step, TaskContext], object]] = {
    "give": lambda step, _: step["value"],
    "large": lambda step, _: "x" * step["bytes"],
    "bad-output": lambda _, __: object(),
    "info": _info,
    "propagation": _propagation,
    "dependencies": _dependencies,
    "wait": _wait,
}

_EFFECTS: Mapping[str, Callable[[Step, TaskContext], None]] = {
    "progress": lambda step, ctx: ctx.progress(step["done"], step.get("total", 0), step.get("label", "")),
    "display": lambda step, ctx: ctx.display(step["text"]),
    "submit": _submit,
    "fail": _fail,
    "attributes": lambda step, _: trace.get_current_span().set_attributes(step["attributes"]),
    "event": lambda step, _: trace.get_current_span().add_event(step["name"], step.get("attributes")),
    "log": _log,
    "stubborn": _stubborn,
    "busy": _busy,
}

_NESTING: Mapping[str, Callable[[Step, TaskContext, list[object]], None]] = {"span": _span, "hop": _hop}
