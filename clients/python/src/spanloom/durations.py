"""Times and durations between Python and the protocol. Python's are seconds or timedeltas, and aware datetimes."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.timestamp_pb2 import Timestamp

from .errors import invalid

Duration = float | int | timedelta

NANOS = 1_000_000_000


def seconds_of(value: Duration) -> float:
    """Seconds of a duration, which may be a timedelta."""
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def check_seconds(value: object, owner: str, field: str, least: float = 0.0) -> float:
    """Seconds of a duration. Errors: INVALID_FIELD unless it is a finite number of at least ``least``."""
    fits = isinstance(value, timedelta) or (isinstance(value, (int, float)) and not isinstance(value, bool))
    seconds = seconds_of(value) if fits else math.nan  # type: ignore[arg-type]
    if math.isfinite(seconds) and seconds >= least:
        return seconds
    raise invalid(field, f"{owner}: {field} is {value!r}, must be a timedelta or seconds of at least {least:g}")


def to_duration(seconds: float) -> DurationMessage:
    """Seconds as a message."""
    nanos = round(seconds * NANOS)
    return DurationMessage(seconds=nanos // NANOS, nanos=nanos % NANOS)


def from_duration(message: DurationMessage) -> float:
    """Seconds of a message."""
    return float(message.seconds + message.nanos / NANOS)


def to_timestamp(value: datetime, owner: str, field: str) -> Timestamp:
    """A datetime as a message. Errors: INVALID_FIELD for one without a time zone, which could mean any time."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise invalid(field, f"{owner}: {field} is {value!r}, must be a datetime with a time zone")
    passed = value - datetime(1970, 1, 1, tzinfo=timezone.utc)
    micros = (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000)


def timestamp_of_ns(ns: int) -> Timestamp:
    """Epoch nanoseconds as a message."""
    return Timestamp(seconds=ns // NANOS, nanos=ns % NANOS)


def ns_of_timestamp(message: Timestamp) -> int:
    """Epoch nanoseconds of a message."""
    return int(message.seconds) * NANOS + int(message.nanos)


def from_timestamp(message: Timestamp) -> datetime:
    """A message as an aware datetime, in UTC, to the microsecond."""
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(
        seconds=message.seconds, microseconds=message.nanos // 1000
    )
