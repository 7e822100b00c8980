"""Conditions on spans and log records.

I1. An empty list matches nothing, as a list of alternatives does of which there is none.
I2. A number is compared by value with integer and floating-point attributes alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict, cast

from ..durations import Duration, check_seconds, timestamp_of_ns, to_duration, to_timestamp
from ..errors import SpanloomError, invalid
from ..v1 import query_service_pb2 as pb
from ..v1 import trigger_pb2
from .attribute_filters import attribute_filters

OWNER = "cannot query"

TextMatch = str | Mapping[Literal["exact", "prefix", "contains", "regex"], str]
TimePoint = datetime | int
Names = str | Sequence[str]

SEVERITIES = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}
KINDS = {"UNSPECIFIED": 0, "INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}


class TriggerConditions(TypedDict, total=False):
    """What set the job going. All that is given must hold."""

    type: Names
    schedule: Names
    trigger: Names


class SpanConditions(TypedDict, total=False):
    """Conditions on spans. All that are given must hold; of a list, any entry.

    Text is equal to a plain string, or as one of ``{"prefix": ...}``, ``{"contains": ...}``, ``{"regex": ...}`` says.
    ``start`` is a pair from (at or after) and to (before), either None, of aware datetimes or epoch nanoseconds;
    ``duration`` a pair of least and most, seconds or timedeltas. ``and_``, ``or_``, ``not_`` nest.
    """

    job: Names
    trigger: TriggerConditions
    task: Names
    trace: Names
    span: Names
    parent: Names
    name: TextMatch | Sequence[TextMatch]
    type: Names
    kind: Names
    status: Names
    outcome: Names
    queue: Names
    runner: Names
    service: Names
    start: tuple[TimePoint | None, TimePoint | None]
    duration: tuple[Duration | None, Duration | None]
    open: bool
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    event: TextMatch
    exception: TextMatch
    and_: Sequence[SpanConditions]
    or_: Sequence[SpanConditions]
    not_: SpanConditions


class LogConditions(TypedDict, total=False):
    """Conditions on log records; as those on spans. ``min_severity`` is a name, such as WARN, or a number 1..24."""

    job: Names
    trigger: TriggerConditions
    task: Names
    trace: Names
    span: Names
    min_severity: str | int
    body: TextMatch
    start: tuple[TimePoint | None, TimePoint | None]
    runner: Names
    service: Names
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    and_: Sequence[LogConditions]
    or_: Sequence[LogConditions]
    not_: LogConditions


def to_span_filter(conditions: Mapping[str, Any]) -> pb.SpanFilter:
    """Conditions as the protocol's filter. Errors: INVALID_FIELD for what is unknown or outside its domain."""
    given = _given(conditions, SpanConditions)
    wanted = pb.SpanFilter(
        job_ids=_list("job", given),
        task_ids=_list("task", given),
        trace_ids=_hex("trace", given, 32),
        span_ids=_hex("span", given, 16),
        parent_span_ids=_hex("parent", given, 16),
        types=[_number("type", each, "SPAN_TYPE_", pb.SpanType) for each in _list("type", given)],
        names=[_text("name", each) for each in _values(given.get("name"))],
        kinds=[_named("kind", each, KINDS) for each in _list("kind", given)],
        statuses=[_number("status", each, "SPAN_STATUS_", pb.SpanStatus) for each in _list("status", given)],
        outcomes=_list("outcome", given),
        queues=_list("queue", given),
        runner_ids=_list("runner", given),
        services=_list("service", given),
    )
    if "duration" in given:
        wanted.duration.CopyFrom(_duration_range(given["duration"]))
    if "open" in given:
        wanted.open = bool(given["open"])
    if "event" in given:
        wanted.event_name.CopyFrom(_text("event", given["event"]))
    if "exception" in given:
        wanted.exception.CopyFrom(_text("exception", given["exception"]))
    _add_shared(wanted, given, to_span_filter)
    return wanted


def to_log_filter(conditions: Mapping[str, Any]) -> pb.LogFilter:
    """As :func:`to_span_filter`, for log records."""
    given = _given(conditions, LogConditions)
    wanted = pb.LogFilter(
        job_ids=_list("job", given),
        task_ids=_list("task", given),
        trace_ids=_hex("trace", given, 32),
        span_ids=_hex("span", given, 16),
        services=_list("service", given),
        runner_ids=_list("runner", given),
    )
    if "min_severity" in given:
        wanted.min_severity = _severity(given["min_severity"])
    if "body" in given:
        wanted.body.CopyFrom(_text("body", given["body"]))
    _add_shared(wanted, given, to_log_filter)
    return wanted


def _add_shared(wanted: Any, given: Mapping[str, Any], convert: Any) -> None:
    if "start" in given:
        wanted.time.CopyFrom(_time_range(given["start"]))
    if "trigger" in given:
        wanted.trigger.CopyFrom(_trigger(given["trigger"]))
    for name, target in (("attributes", "attributes"), ("resource", "resource_attributes")):
        for alternatives in attribute_filters(name, given.get(name, {})):
            if len(alternatives) == 1:
                getattr(wanted, target).append(alternatives[0])
            else:
                nested = getattr(wanted, "and").add()
                for each in alternatives:
                    getattr(getattr(nested, "or").add(), target).append(each)
    _nest(wanted, given, convert)


def _nest(wanted: Any, given: Mapping[str, Any], convert: Any) -> None:
    for each in given.get("and_", ()):
        getattr(wanted, "and").append(convert(each))
    for each in given.get("or_", ()):
        getattr(wanted, "or").append(convert(each))
    if "not_" in given:
        getattr(wanted, "not").CopyFrom(convert(given["not_"]))
    # I1: what is not anything is nothing.
    lists = [value for name, value in given.items() if name != "and_"] + list(given.get("trigger", {}).values())
    if any(isinstance(value, (list, tuple, set)) and len(value) == 0 for value in lists):
        getattr(getattr(wanted, "and").add(), "not").SetInParent()


def _given(conditions: Mapping[str, Any], known: Any) -> dict[str, Any]:
    names = known.__annotations__.keys()
    for name in conditions:
        if name not in names:
            raise invalid(str(name), f'{OWNER}: condition "{name}" is not known; known are {", ".join(names)}')
    return {name: value for name, value in conditions.items() if value is not None}


def _values(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, (str, Mapping)) or not hasattr(value, "__iter__") else list(value)


def _list(name: str, given: Mapping[str, Any]) -> list[str]:
    values = _values(given.get(name))
    for each in values:
        if not isinstance(each, str):
            raise invalid(name, f"{OWNER}: {name} is {each!r}, must be text or a list of it")
    return values


def _hex(name: str, given: Mapping[str, Any], digits: int) -> list[str]:
    lower = [each.lower() for each in _list(name, given)]
    for each in lower:
        if len(each) != digits or any(digit not in "0123456789abcdef" for digit in each):
            raise invalid(name, f'{OWNER}: {name} is "{each}", must be {digits} hex digits')
    return lower


def _number(name: str, value: str, prefix: str, enum: Any) -> Any:
    full = f"{prefix}{value.upper()}"
    names = [each.name for each in enum.DESCRIPTOR.values if each.number != 0]
    if full not in names:
        known = ", ".join(each.removeprefix(prefix).lower() for each in names)
        raise invalid(name, f'{OWNER}: {name} is "{value}", must be one of {known}')
    return enum.Value(full)


def _named(name: str, value: str, numbers: Mapping[str, int]) -> int:
    number = numbers.get(value.upper())
    if number is None:
        raise invalid(name, f'{OWNER}: {name} is "{value}", must be one of {", ".join(numbers)}')
    return number


def _severity(value: object) -> int:
    if isinstance(value, str):
        return _named("min_severity", value, SEVERITIES)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 24:
        return value
    raise invalid("min_severity", f"{OWNER}: min_severity is {value!r}, must be a whole number in 1..24")


def _text(name: str, condition: object) -> pb.TextMatch:
    if isinstance(condition, str):
        return pb.TextMatch(exact=condition)
    entries = list(condition.items()) if isinstance(condition, Mapping) else []
    known = ("exact", "prefix", "contains", "regex")
    if len(entries) != 1 or entries[0][0] not in known or not isinstance(entries[0][1], str):
        raise invalid(name, f"{OWNER}: {name} is {condition!r}, must be text or one of {', '.join(known)}")
    return pb.TextMatch(**{entries[0][0]: entries[0][1]})


def _pair(name: str, value: object) -> tuple[Any, Any]:
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return cast("tuple[Any, Any]", tuple(value))
    raise invalid(name, f"{OWNER}: {name} is {value!r}, must be a pair, either of which may be None")


def _time_range(value: object) -> pb.TimeRange:
    wanted = pb.TimeRange()
    for field, point in zip(("start", "end"), _pair("start", value), strict=True):
        if point is None:
            continue
        is_ns = isinstance(point, int) and not isinstance(point, bool)
        getattr(wanted, field).CopyFrom(timestamp_of_ns(point) if is_ns else to_timestamp(point, OWNER, "start"))
    return wanted


def _duration_range(value: object) -> pb.DurationRange:
    wanted = pb.DurationRange()
    for field, length in zip(("min", "max"), _pair("duration", value), strict=True):
        if length is not None and not (isinstance(length, float) and math.isinf(length) and length > 0):
            getattr(wanted, field).CopyFrom(to_duration(check_seconds(length, OWNER, "duration")))
    return wanted


def _trigger(value: object) -> pb.TriggerFilter:
    if not isinstance(value, Mapping):
        raise invalid("trigger", f"{OWNER}: trigger is {value!r}, must have type, schedule or trigger")
    try:
        given = _given(value, TriggerConditions)
    except SpanloomError as error:
        raise invalid("trigger", str(error)) from error
    return pb.TriggerFilter(
        types=[
            _number("trigger.type", each, "TRIGGER_TYPE_", trigger_pb2.TriggerType) for each in _list("type", given)
        ],
        schedules=_list("schedule", given),
        triggers=_list("trigger", given),
    )
