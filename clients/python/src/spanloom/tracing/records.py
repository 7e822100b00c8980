"""Spans and log records as encoded bytes, and requests made of them.

Each record is encoded once, when it ends; what it shares with others, resource and scope, once for all of them. A
request is those bytes put together: resource, scope and record fields have the same numbers in traces and logs.

Source: proto/opentelemetry/proto/collector, ExportTraceServiceRequest and ExportLogsServiceRequest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope as ScopeMessage
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from .any_value import to_attributes

_FIELD_1 = b"\x0a"
_FIELD_2 = b"\x12"
_FIELD_3 = b"\x1a"


class Origin(NamedTuple):
    """Where records come from: the encoded fields of resource and scope, without the records."""

    resource: bytes
    scope: bytes


class Record(NamedTuple):
    """One encoded Span or LogRecord."""

    origin: Origin
    data: bytes


@dataclass
class Entries:
    """Records that travel together."""

    spans: list[Record] = field(default_factory=list)
    logs: list[Record] = field(default_factory=list)
    size: int = 0

    def __bool__(self) -> bool:
        return bool(self.spans or self.logs)

    def __len__(self) -> int:
        return len(self.spans) + len(self.logs)

    def add(self, other: Entries) -> None:
        """Takes over the records of another."""
        self.spans += other.spans
        self.logs += other.logs
        self.size += other.size


def encode_resource(resource: Resource) -> bytes:
    """The fields of ResourceSpans but for its scopes."""
    message = ResourceMessage(attributes=to_attributes(resource.attributes)).SerializeToString()
    return _delimited(_FIELD_1, message) + (
        _delimited(_FIELD_3, resource.schema_url.encode()) if resource.schema_url else b""
    )


@lru_cache(maxsize=1024)
def encode_scope(scope: InstrumentationScope) -> bytes:
    """The fields of ScopeSpans but for its spans."""
    message = ScopeMessage(
        name=scope.name, version=scope.version or "", attributes=to_attributes(scope.attributes or {})
    ).SerializeToString()
    return _delimited(_FIELD_1, message) + (
        _delimited(_FIELD_3, scope.schema_url.encode()) if scope.schema_url else b""
    )


def encode_request(records: Iterable[Record]) -> bytes:
    """A request with these records, grouped by resource and scope, in the order they came."""
    scopes: dict[bytes, dict[bytes, list[bytes]]] = {}
    for origin, data in records:
        scopes.setdefault(origin.resource, {}).setdefault(origin.scope, []).append(_delimited(_FIELD_2, data))
    parts = []
    for resource, by_scope in scopes.items():
        inner = [_delimited(_FIELD_2, scope + b"".join(items)) for scope, items in by_scope.items()]
        parts.append(_delimited(_FIELD_1, resource + b"".join(inner)))
    return b"".join(parts)


def _delimited(tag: bytes, data: bytes) -> bytes:
    size = len(data)
    length = bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return tag + bytes(length) + data
