"""The standard library's logging, correlated: what tasks log becomes log records of their attempts."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Mapping

from .attempt_key import current_attempt

# What every record has; the rest is what was given as `extra`.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

# Python's levels as OpenTelemetry numbers and names them.
_LEVELS = ((50, 21, "FATAL"), (40, 17, "ERROR"), (30, 13, "WARN"), (20, 9, "INFO"), (10, 5, "DEBUG"), (0, 1, "TRACE"))


class SpanloomLogHandler(logging.Handler):
    """Writes records that are logged within an attempt to it; others are none of its business."""

    def emit(self, record: logging.LogRecord) -> None:
        """Collects a record. Never raises."""
        attempt = current_attempt()
        # OpenTelemetry logs what it cannot do; to trace that would go round in circles.
        if attempt is None or record.name.split(".")[0] in ("opentelemetry", "spanloom"):
            return
        try:
            severity, number = _severity(record.levelno)
            attempt.add_log(severity, record.getMessage(), _attributes(record), number=number)
        except Exception:
            # Arguments that do not fit the message, say: the standard library prints those by itself.
            self.handleError(record)


# One for all runners of the process: each would write every record once more.
_HANDLER = SpanloomLogHandler()
_USERS: set[object] = set()
_LOCK = threading.Lock()


def capture_logging() -> Callable[[], None]:
    """Adds the handler to the root logger until all who asked for it have called what this gives."""
    user = object()
    with _LOCK:
        _USERS.add(user)
        logging.getLogger().addHandler(_HANDLER)

    def release() -> None:
        with _LOCK:
            _USERS.discard(user)
            if not _USERS:
                logging.getLogger().removeHandler(_HANDLER)

    return release


def _severity(level: int) -> tuple[str, int]:
    for least, number, name in _LEVELS:
        if level >= least:
            return name, number
    return "TRACE", 1


def _attributes(record: logging.LogRecord) -> Mapping[str, object]:
    attributes: dict[str, object] = {
        "logger.name": record.name,
        "code.file.path": record.pathname,
        "code.line.number": record.lineno,
        "code.function.name": record.funcName,
    }
    attributes.update({key: value for key, value in record.__dict__.items() if key not in _STANDARD})
    if record.exc_info and record.exc_info[1] is not None:
        attributes.update(exception_attributes(record.exc_info[1]))
    return attributes


def exception_attributes(error: BaseException) -> dict[str, object]:
    """An exception as OpenTelemetry names its parts."""
    try:
        message = str(error)
    except Exception:
        # Its __str__ raised; the rest is worth having.
        message = "[unreadable]"
    stack = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {
        "exception.type": type(error).__qualname__,
        "exception.message": message,
        "exception.stacktrace": stack,
    }
