"""Inputs and outputs: JSON in UTF-8 on the wire; dataclasses, pydantic models and plain data in Python.

None travels as no bytes at all, as ``undefined`` does in TypeScript; no bytes and ``null`` both read as None. Bytes
travel as base64, which an annotation ``bytes`` reads. What JSON cannot express is an error that names where in the
value it stands, never a silent change.

Source: conformance/vectors/payloads.json, which every language's client reads.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
import math
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import PurePath

from .errors import SpanloomError, invalid

# Levels of lists and objects: readers of other languages end somewhere beyond.
MAX_DEPTH = 200

_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(each for each in range(256) if each not in b"[]{}")


def encode_payload(value: object, owner: str) -> bytes:
    """One payload as bytes; ``owner`` starts the message of the error, e.g. ``cannot submit task "add"``.

    Errors: INVALID_FIELD naming the path of what is no data.
    """
    if value is None:
        return b""
    try:
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        if not _is_deep(data):
            return data
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError):
        # Plain data is by far the most common, and json alone is ten times as fast as looking at each value first.
        pass
    plain = to_plain(value, owner)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decode_payload(data: bytes, owner: str) -> object:
    """One payload as plain data. Errors: INVALID_FIELD when the bytes are not JSON in UTF-8."""
    if not data:
        return None
    try:
        value: object = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SpanloomError("INVALID_FIELD", f"{owner}: its payload is not JSON in UTF-8: {error}") from error
    return value


def _is_deep(data: bytes) -> bool:
    """Whether there are more than MAX_DEPTH levels."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    # Text begins and ends with a quote, once those within it are gone.
    outside = data.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    brackets = b"".join(outside).translate(_ONE_KIND, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        # Each time the innermost level goes.
        brackets = brackets.replace(b"[]", b"")
    return brackets != b""


def _no_constant(name: str) -> object:
    """Python's own additions to JSON: NaN and infinities."""
    raise ValueError(f"{name} is no JSON")


def to_plain(value: object, owner: str) -> object:
    """What json.dumps takes, made of dataclasses, models, enums, dates, UUIDs, paths, tuples and sets as well."""
    return _plain(value, "value", owner, ())


def _plain(value: object, path: str, owner: str, ancestors: tuple[int, ...]) -> object:
    if value is None or isinstance(value, bool) or (isinstance(value, int) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return _text(value, path, owner)
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise _inexpressible(f"{path} is {value}, which JSON has no number for", owner)
    if id(value) in ancestors:
        raise _inexpressible(f"{path} refers back to a value that contains it", owner)
    if len(ancestors) >= MAX_DEPTH:
        raise _inexpressible(f"{path} is nested deeper than {MAX_DEPTH} levels", owner)
    within = (*ancestors, id(value))
    entries = _entries(value)
    if entries is not None:
        return {_key(key, path, owner): _plain(item, f"{path}.{key}", owner, within) for key, item in entries.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, f"{path}[{index}]", owner, within) for index, item in enumerate(value)]
    return _scalar(value, path, owner, within)


def _entries(value: object) -> Mapping[object, object] | None:
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    return None


def _scalar(value: object, path: str, owner: str, ancestors: tuple[int, ...]) -> object:
    if isinstance(value, enum.Enum):
        return _plain(value.value, path, owner, ancestors)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, Decimal, PurePath)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    # A pydantic model, without depending on pydantic.
    dump: Callable[..., object] | None = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return _plain(dump(mode="json"), path, owner, ancestors)
    # A number of numpy and its like.
    item: Callable[[], object] | None = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        return _plain(item(), path, owner, ancestors)
    raise _inexpressible(f"{path} is a {type(value).__qualname__}, which is no data", owner)


def _key(key: object, path: str, owner: str) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, str):
        return _text(key, path, owner)
    if isinstance(key, (int, uuid.UUID)) and not isinstance(key, bool):
        return str(key)
    raise _inexpressible(f"{path} has a key that is a {type(key).__qualname__}, must be text", owner)


def _text(text: str, path: str, owner: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _inexpressible(f"{path} is text with a lone surrogate, which UTF-8 cannot hold", owner) from error
    return text


def _inexpressible(why: str, owner: str) -> SpanloomError:
    return invalid("input", f"{owner}: its payload cannot be written as JSON: {why}")
