"""The vectors that the tests of every language read. See conformance/vectors/README.md."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from spanloom.conversion import from_plain

from .conftest import ROOT


def vectors(name: str, part: str) -> list[Any]:
    """A part of a file of vectors."""
    content = json.loads((ROOT / "conformance" / "vectors" / f"{name}.json").read_text("utf-8"))
    for key in part.split("."):
        content = content[key]
    return list(content)


def name_of(vector: Any) -> str:
    """What a test of a vector is called."""
    return str(vector["name"] if isinstance(vector, Mapping) and "name" in vector else vector)[:80]


def untagged(value: Any) -> Any:
    """The value that a vector describes: JSON, where an object with a key that begins with $ is what JSON has not."""
    if isinstance(value, list):
        return [untagged(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        [(tag, content)] = value.items()
        if tag in _TAGS:
            return _TAGS[tag](content)
    return {key: untagged(each) for key, each in value.items()}


def _cycle(key: str) -> object:
    circle: dict[str, object] = {}
    circle[key] = circle
    return circle


def _depth(levels: int) -> object:
    nested: list[object] = []
    for _ in range(levels - 1):
        nested = [nested]
    return nested


def _text(units: list[int]) -> str:
    return b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "surrogatepass")


_TAGS: Mapping[str, Callable[[Any], object]] = {
    "$absent": lambda _: None,
    "$float": float,
    "$int": int,
    "$utf16": _text,
    "$object": lambda entries: {untagged(key): untagged(each) for key, each in entries},
    "$time": lambda text: from_plain(text, datetime, "test"),
    "$bytes": base64.b64decode,
    "$code": lambda _: lambda: None,
    "$cycle": _cycle,
    "$depth": _depth,
    "$repeat": lambda content: content[0] * content[1],
    "$times": lambda content: [content[0]] * content[1],
}
