"""W3C trace context as text, and which attempt a span belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from ..v1 import task_pb2

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_ORIGIN = re.compile(r"spanloom=([0-9a-f-]{36})_([0-9a-f-]{36})_([0-9]{1,10})")

TRACE_HEADERS = ("traceparent", "tracestate", "baggage")

# What W3C asks others to hand on at least, and what the SDKs take.
MAX_TRACESTATE = 512
MAX_MEMBERS = 32


@dataclass(frozen=True)
class TraceCarrier:
    """Trace context as plain text, to be carried in message metadata, HTTP headers or environment variables."""

    traceparent: str
    tracestate: str = ""
    baggage: str = ""

    def to_message(self) -> task_pb2.TraceContext:
        """As it travels."""
        return task_pb2.TraceContext(traceparent=self.traceparent, tracestate=self.tracestate, baggage=self.baggage)


@dataclass(frozen=True)
class AttemptOrigin:
    """Which attempt a span belongs to, as its tracestate says."""

    job_id: str
    task_id: str
    attempt: int


def parse_traceparent(value: str) -> SpanContext | None:
    """A remote span context; None for what W3C calls malformed."""
    text = value.strip()
    match = _TRACEPARENT.fullmatch(text)
    if not match or (text.startswith("00") and len(text) > 55):
        return None
    return SpanContext(
        trace_id=int(match[1], 16),
        span_id=int(match[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(match[3], 16) & TraceFlags.SAMPLED),
    )


def format_traceparent(span: SpanContext) -> str:
    """A ``traceparent`` value."""
    flags = span.trace_flags & TraceFlags.SAMPLED
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{flags:02x}"


def active_carrier() -> TraceCarrier | None:
    """The carrier of the active span; None when there is no span."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return TraceCarrier(format_traceparent(span), span.trace_state.to_header(), _active_baggage())


def carrier_among(values: Mapping[str, str]) -> TraceCarrier | None:
    """The carrier in headers or metadata, whatever the case of their names; None without a valid traceparent."""
    found = {name.lower(): value for name, value in values.items()}
    traceparent, tracestate, baggage_text = (found.get(name, "") for name in TRACE_HEADERS)
    return TraceCarrier(traceparent.strip(), tracestate, baggage_text) if parse_traceparent(traceparent) else None


def context_of_carrier(carrier: TraceCarrier, base: Context | None = None) -> Context:
    """The OpenTelemetry context a carrier describes; a malformed traceparent gives ``base`` itself."""
    start = base if base is not None else Context()
    span = parse_traceparent(carrier.traceparent)
    if span is None:
        return start
    state = TraceState.from_header([carrier.tracestate]) if carrier.tracestate else None
    with_state = SpanContext(span.trace_id, span.span_id, True, span.trace_flags, state)
    made = trace.set_span_in_context(NonRecordingSpan(with_state), start)
    for key, value in _parse_baggage(carrier.baggage):
        made = baggage.set_baggage(key, value, made)
    return made


def with_origin(tracestate: str, origin: AttemptOrigin) -> str:
    """Puts the attempt in front of a tracestate, which every OpenTelemetry SDK hands on and exports with each span."""
    own = f"spanloom={origin.job_id}_{origin.task_id}_{origin.attempt}"
    length = len(own)
    members = [own]
    for member in tracestate.split(","):
        text = member.strip()
        if not text or text.startswith("spanloom="):
            continue
        if len(members) < MAX_MEMBERS and length + 1 + len(text) <= MAX_TRACESTATE:
            members.append(text)
            length += 1 + len(text)
    return ",".join(members)


def origin_of(tracestate: str) -> AttemptOrigin | None:
    """The attempt that a tracestate names; None when it names none."""
    for member in tracestate.split(","):
        match = _ORIGIN.fullmatch(member.strip())
        if match:
            return AttemptOrigin(match[1], match[2], int(match[3]))
    return None


def _active_baggage() -> str:
    # OpenTelemetry's own propagator writes a space as a plus sign, which other languages take for one.
    return ",".join(f"{quote(key, safe='')}={quote(str(value), safe='')}" for key, value in baggage.get_all().items())


def _parse_baggage(text: str) -> Iterator[tuple[str, str]]:
    """Members of a ``baggage`` value; their properties are left out, as Python's baggage has no place for them."""
    for member in text.split(","):
        key, equals, value = member.split(";", 1)[0].partition("=")
        if equals and key.strip():
            yield unquote(key.strip()), unquote(value.strip())
