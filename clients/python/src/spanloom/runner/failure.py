"""What a task's code raised, as it travels."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from ..durations import to_duration
from ..errors import RetryableError, SpanloomError, TerminalError
from ..tracing.any_value import to_text
from ..v1 import task_pb2

MAX_TYPE_BYTES = 256
MAX_MESSAGE_BYTES = 16 * 1024
MAX_STACK_BYTES = 64 * 1024
# A year: longer than anybody waits.
MAX_RETRY_AFTER = 365 * 86_400.0

_PACKAGE = str(Path(__file__).resolve().parent.parent)


def describe(error: BaseException) -> task_pb2.TaskFailure:
    """Type, message and stack, causes and members of groups included, cut to the protocol's limits. Never raises."""
    return task_pb2.TaskFailure(
        type=cut(type(error).__qualname__, MAX_TYPE_BYTES),
        message=cut(_message(error), MAX_MESSAGE_BYTES),
        stack=cut(_stack(error), MAX_STACK_BYTES),
    )


def to_failure(error: BaseException) -> task_pb2.TaskFailure:
    """As :func:`describe`, and whether it may be tried again: a TerminalError never, a RetryableError may say when."""
    failure = describe(error)
    if isinstance(error, TerminalError):
        failure.retryable = False
    elif isinstance(error, RetryableError):
        failure.retryable = True
        if error.retry_after is not None and error.retry_after >= 0:
            failure.retry_after.CopyFrom(to_duration(min(error.retry_after, MAX_RETRY_AFTER)))
    return failure


def to_terminal_failure(error: SpanloomError) -> task_pb2.TaskFailure:
    """A failure that no retry can help, e.g. an input that does not fit."""
    failure = describe(error)
    failure.retryable = False
    return failure


def cut(text: str, max_bytes: int) -> str:
    """Text of at most so many bytes, in UTF-8 that everybody reads."""
    whole = to_text(text)
    data = whole.encode()
    if len(data) <= max_bytes:
        return whole
    return data[: max_bytes - 3].decode("utf-8", "ignore") + "…"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        # Its __str__ raised; the attempt has failed all the same.
        return "[unreadable]"


def _stack(error: BaseException) -> str:
    try:
        frames = _own_frames(error.__traceback__)
        return "".join(traceback.format_exception(type(error), error, frames)).rstrip()
    except Exception:
        # A hostile __str__ or __repr__ on the way.
        return ""


def _own_frames(frames: TracebackType | None) -> TracebackType | None:
    """The traceback from where the task's code begins: how the runner called it tells nobody anything."""
    at = frames
    while at is not None and at.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        at = at.tb_next
    return at or frames
