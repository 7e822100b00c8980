"""Values as OTLP has them, whatever is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

# Levels of arrays and maps: a fourth of what the server reads.
MAX_DEPTH = 16
_INT64 = range(-(2**63), 2**63)


def to_any_value(value: object, ancestors: tuple[int, ...] = ()) -> AnyValue:
    """A value as OTLP's AnyValue. Never raises.

    What OTLP has no type for becomes text; a value within itself is ``[circular]``, one deeper than MAX_DEPTH
    ``[nested too deep]``, one that raises when read ``[unreadable]``; None becomes an empty value.
    """
    try:
        return _to_any_value(value, ancestors)
    except Exception:
        # Reading it raised: the record is worth having without this value.
        return AnyValue(string_value="[unreadable]")


def to_attributes(attributes: Mapping[str, object]) -> list[KeyValue]:
    """Attributes as OTLP's KeyValues."""
    return [KeyValue(key=to_text(str(key)), value=to_any_value(value)) for key, value in attributes.items()]


def to_text(text: str) -> str:
    """Text that UTF-8 can hold: half a surrogate pair becomes U+FFFD, as other languages write it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _to_any_value(value: object, ancestors: tuple[int, ...]) -> AnyValue:
    if value is None:
        return AnyValue()
    if isinstance(value, str):
        return AnyValue(string_value=to_text(str(value)))
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=int(value)) if int(value) in _INT64 else AnyValue(string_value=str(value))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return AnyValue(bytes_value=bytes(value))
    return _compound(value, ancestors)


def _compound(value: object, ancestors: tuple[int, ...]) -> AnyValue:
    if id(value) in ancestors:
        return AnyValue(string_value="[circular]")
    if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return AnyValue(string_value=to_text(str(value)))
    if len(ancestors) >= MAX_DEPTH:
        return AnyValue(string_value="[nested too deep]")
    within = (*ancestors, id(value))
    if isinstance(value, Mapping):
        pairs = [KeyValue(key=to_text(str(key)), value=to_any_value(item, within)) for key, item in value.items()]
        return AnyValue(kvlist_value=KeyValueList(values=pairs))
    items: Iterable[object] = value
    return AnyValue(array_value=ArrayValue(values=[to_any_value(item, within) for item in items]))
