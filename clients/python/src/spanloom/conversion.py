"""Plain data as what a function asks for: dataclasses, models, enums, dates, by its annotations."""

from __future__ import annotations

import base64
import dataclasses
import enum
import functools
import re
import types
import typing
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any, Union

from .errors import SpanloomError, invalid

_FRACTION = re.compile(r"\.(\d+)")


def _iso(text: str) -> str:
    """A time as Python 3.10 reads it, which knows no Z and takes three or six digits of a second alone."""
    short = text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text
    return _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", short, count=1)


# Types that are read from text.
_FROM_TEXT: Mapping[type, Callable[[str], object]] = {
    datetime: lambda text: datetime.fromisoformat(_iso(text)),
    date: date.fromisoformat,
    time: lambda text: time.fromisoformat(_iso(text)),
    bytes: lambda text: base64.b64decode(text, validate=True),
    uuid.UUID: uuid.UUID,
    Decimal: Decimal,
    Path: Path,
    PurePath: PurePath,
}


def from_plain(value: object, wanted: Any, owner: str, path: str = "input") -> Any:
    """``value`` as ``wanted``, an annotation; what is not understood is taken as it is.

    Keys that a dataclass does not have are left out: a newer version of the sender may know more.

    Errors: INVALID_FIELD naming the path of what does not fit.
    """
    origin = typing.get_origin(wanted)
    if wanted is Any or wanted is None or isinstance(wanted, (str, typing.TypeVar)):
        return value
    if origin is typing.Annotated:
        return from_plain(value, typing.get_args(wanted)[0], owner, path)
    if origin is Union or origin is types.UnionType:
        return _from_union(value, typing.get_args(wanted), owner, path)
    if origin is not None:
        return _from_generic(value, origin, typing.get_args(wanted), owner, path)
    if isinstance(wanted, type):
        return _from_class(value, wanted, owner, path)
    return value


def _from_class(value: object, wanted: type, owner: str, path: str) -> object:
    if dataclasses.is_dataclass(wanted):
        return _from_entries(value, wanted, owner, path)
    validate = getattr(wanted, "model_validate", None)
    if callable(validate):
        return _tried(lambda: validate(value), wanted, value, owner, path)
    if issubclass(wanted, enum.Enum):
        return _tried(lambda: wanted(value), wanted, value, owner, path)
    parse = _FROM_TEXT.get(wanted)
    if parse is not None:
        if not isinstance(value, str):
            raise _misfit(path, value, wanted, owner)
        return _tried(lambda: parse(value), wanted, value, owner, path)
    return _checked(value, wanted, owner, path)


def _checked(value: object, wanted: type, owner: str, path: str) -> object:
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if wanted is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if wanted in (set, frozenset, tuple) and isinstance(value, list):
        return wanted(value)
    basic = wanted in (str, int, float, bool, list, dict)
    wrong_bool = isinstance(value, bool) and wanted in (int, float)
    if basic and (wrong_bool or not isinstance(value, wanted)):
        raise _misfit(path, value, wanted, owner)
    return value


def _from_entries(value: object, wanted: type, owner: str, path: str) -> object:
    if not isinstance(value, dict):
        raise _misfit(path, value, wanted, owner)
    hints = hints_of(wanted)
    fields = [each for each in dataclasses.fields(wanted) if each.init]
    given = {
        each.name: from_plain(value[each.name], hints.get(each.name, Any), owner, f"{path}.{each.name}")
        for each in fields
        if each.name in value
    }
    for each in fields:
        required = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        if required and each.name not in given:
            raise invalid("input", f"{owner}: {path}.{each.name} is missing, {wanted.__qualname__} needs it")
    return _tried(lambda: wanted(**given), wanted, value, owner, path)


def _from_union(value: object, members: Sequence[Any], owner: str, path: str) -> object:
    if value is None and type(None) in members:
        return None
    problem: SpanloomError | None = None
    for member in members:
        if member is type(None):
            continue
        try:
            return from_plain(value, member, owner, path)
        except SpanloomError as error:
            problem = problem or error
    raise problem or _misfit(path, value, Union, owner)


def _from_generic(value: object, origin: Any, arguments: Sequence[Any], owner: str, path: str) -> object:
    if origin is typing.Literal:
        if value in arguments:
            return value
        raise _misfit(path, value, f"one of {list(arguments)}", owner)
    if not isinstance(origin, type):
        return value
    if issubclass(origin, tuple):
        return _from_tuple(value, arguments, owner, path)
    if issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise _misfit(path, value, origin, owner)
        item = arguments[1] if len(arguments) == 2 else Any
        return {key: from_plain(each, item, owner, f"{path}.{key}") for key, each in value.items()}
    if issubclass(origin, (Sequence, set, frozenset)):
        items = _items(value, arguments[0] if arguments else Any, owner, path)
        return origin(items) if issubclass(origin, (set, frozenset)) else items
    return _from_class(value, origin, owner, path)


def _from_tuple(value: object, arguments: Sequence[Any], owner: str, path: str) -> object:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_items(value, arguments[0], owner, path))
    items = _items(value, Any, owner, path)
    if len(items) != len(arguments):
        raise _misfit(path, value, f"{len(arguments)} items", owner)
    return tuple(
        from_plain(item, wanted, owner, f"{path}[{index}]")
        for index, (item, wanted) in enumerate(zip(items, arguments, strict=True))
    )


def _items(value: object, wanted: Any, owner: str, path: str) -> list[object]:
    if not isinstance(value, list):
        raise _misfit(path, value, list, owner)
    return [from_plain(item, wanted, owner, f"{path}[{index}]") for index, item in enumerate(value)]


@functools.lru_cache(maxsize=1024)
def hints_of(subject: Any) -> dict[str, Any]:
    """Annotations of a class or function; none where they cannot be looked up, e.g. of names that are not there."""
    try:
        return typing.get_type_hints(subject, include_extras=True)
    except Exception:
        # Annotations may name what is only imported for type checkers: values are then taken as they are.
        return {}


def _tried(make: Callable[[], object], wanted: Any, value: object, owner: str, path: str) -> object:
    try:
        return make()
    except SpanloomError:
        raise
    except Exception as error:
        raise invalid("input", f"{owner}: {path} is {_quoted(value)}, no {_name(wanted)}: {error}") from error


def _misfit(path: str, value: object, wanted: Any, owner: str) -> SpanloomError:
    return invalid("input", f"{owner}: {path} is {_quoted(value)}, must be {_name(wanted)}")


def _name(wanted: Any) -> str:
    return str(getattr(wanted, "__qualname__", wanted))


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
