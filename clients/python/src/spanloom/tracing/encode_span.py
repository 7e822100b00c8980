"""Spans of the OpenTelemetry SDK as OTLP."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, StatusCode

from .any_value import to_attributes, to_text

# The parent's remoteness is known, and it is remote: OTLP SpanFlags.
_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200

_STATUS = {
    StatusCode.UNSET: trace_pb2.Status.STATUS_CODE_UNSET,
    StatusCode.OK: trace_pb2.Status.STATUS_CODE_OK,
    StatusCode.ERROR: trace_pb2.Status.STATUS_CODE_ERROR,
}


def to_span(span: ReadableSpan, more: Mapping[str, object] | None = None) -> trace_pb2.Span:
    """A span, with further attributes that stand in for its own of the same names; one that is open has no end."""
    context = span.get_span_context()
    assert context is not None
    attributes = {**(span.attributes or {}), **(more or {})}
    message = trace_pb2.Span(
        trace_id=_trace_id(context),
        span_id=_span_id(context),
        trace_state=context.trace_state.to_header(),
        name=to_text(span.name),
        kind=span.kind.value + 1,  # type: ignore[arg-type]
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
        attributes=to_attributes(attributes),
        dropped_attributes_count=span.dropped_attributes,
        events=[
            trace_pb2.Span.Event(
                time_unix_nano=event.timestamp,
                name=to_text(event.name),
                attributes=to_attributes(event.attributes or {}),
                dropped_attributes_count=event.dropped_attributes,
            )
            for event in span.events
        ],
        dropped_events_count=span.dropped_events,
        links=[_link(link) for link in span.links],
        dropped_links_count=span.dropped_links,
        flags=context.trace_flags | _remoteness(span.parent),
    )
    if span.parent is not None:
        message.parent_span_id = _span_id(span.parent)
    if span.status.status_code is not StatusCode.UNSET or span.status.description:
        message.status.code = _STATUS[span.status.status_code]
        message.status.message = to_text(span.status.description or "")
    return message


def _link(link: Link) -> trace_pb2.Span.Link:
    return trace_pb2.Span.Link(
        trace_id=_trace_id(link.context),
        span_id=_span_id(link.context),
        trace_state=link.context.trace_state.to_header(),
        attributes=to_attributes(link.attributes or {}),
        dropped_attributes_count=getattr(link, "dropped_attributes", 0),
        flags=link.context.trace_flags | _remoteness(link.context),
    )


def _remoteness(context: SpanContext | None) -> int:
    return _HAS_IS_REMOTE | (_IS_REMOTE if context is not None and context.is_remote else 0)


def _trace_id(context: SpanContext) -> bytes:
    return context.trace_id.to_bytes(16, "big")


def _span_id(context: SpanContext) -> bytes:
    return context.span_id.to_bytes(8, "big")
