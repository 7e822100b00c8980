"""Ids of jobs, tasks and runners are UUIDs of version 7; trace and span ids follow from them."""

from __future__ import annotations

import os
import re
import time
import uuid

from .errors import invalid

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UINT32 = 0xFFFF_FFFF


def new_id() -> str:
    """A new UUIDv7 as text. Ids sort by the millisecond they were made in."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Whether ``text`` is a UUID in lower case, as every id of the protocol is."""
    return _ID.fullmatch(text) is not None


def trace_id_of_job(job_id: str) -> str:
    """The trace of a job that starts one of its own: 32 hex digits. Errors: INVALID_FIELD for what is no id."""
    return _checked(job_id).replace("-", "")


def span_id_of(id: str) -> str:
    """The span of a job or task: 16 hex digits. Errors: INVALID_FIELD for what is no id."""
    return _checked(id).replace("-", "")[16:]


def attempt_span_id(task_id: str, attempt: int) -> str:
    """The span of a task's attempt, which counts from 1: 16 hex digits.

    A mix of the task's span id and the number, so that server, runner and a projection made years later agree without
    storing it.

    Errors: INVALID_FIELD for what is no id.
    Source: packages/protocol/src/ids.ts; conformance/vectors/ids.json.
    """
    span = int(span_id_of(task_id), 16)
    high = _mix((span >> 32) ^ (attempt * 0x9E3779B1))
    low = _mix(span ^ (attempt * 0x85EBCA77))
    if high == low == 0:
        low = 1
    return f"{high:08x}{low:08x}"


def _mix(value: int) -> int:
    mixed = value & _UINT32
    mixed = (mixed ^ mixed >> 16) * 0x7FEB352D & _UINT32
    mixed = (mixed ^ mixed >> 15) * 0x846CA68B & _UINT32
    return mixed ^ mixed >> 16


def _checked(id: str) -> str:
    if not isinstance(id, str) or not is_id(id):
        raise invalid("id", f"cannot derive a span id: {id!r} is no UUID in lower case")
    return id
