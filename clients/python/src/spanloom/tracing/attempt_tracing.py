"""The tracing of one attempt.

I1. The attempt's span has the ids the server minted, so what code does with it belongs to the span the server shows.
I2. Its tracestate names the attempt, so spans of other processes find their way too.
I3. Nothing here raises into a task's code; what cannot be kept is counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, TraceState

from ..v1 import task_pb2
from .any_value import to_any_value, to_attributes, to_text
from .attempt_key import ATTEMPT_KEY
from .encode_span import to_span
from .open_spans import OpenSpans
from .records import Entries, Origin, Record, encode_resource, encode_scope
from .telemetry_buffer import TelemetryBudget, TelemetryBuffer
from .trace_context import AttemptOrigin, TraceCarrier, context_of_carrier, parse_traceparent, with_origin

SEVERITIES = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}

# Scope of ctx.tracer, ctx.span and ctx.log.
SCOPE = "spanloom"
_LOG_SCOPE = encode_scope(InstrumentationScope(SCOPE))


@dataclass
class TracingHost:
    """What the attempts of one runner share."""

    runner_id: str
    resource: Resource
    # The process's provider has one resource for all its runners; its spans are given the runner's own.
    shared_resource: Resource
    budget: TelemetryBudget
    late: Callable[[Entries], None]
    enabled: bool = True
    open_spans: OpenSpans = field(default_factory=OpenSpans)

    def __post_init__(self) -> None:
        self._encoded = encode_resource(self.resource)
        self._lock = threading.Lock()
        self._last_log_ns = 0

    def origin(self, resource: Resource | None, scope: InstrumentationScope | None) -> Origin:
        """Where a span comes from."""
        own = resource is None or resource is self.shared_resource or resource is self.resource
        encoded = self._encoded if own or resource is None else encode_resource(resource)
        return Origin(encoded, encode_scope(scope) if scope else b"")

    @property
    def log_origin(self) -> Origin:
        """Where ctx.log writes from."""
        return Origin(self._encoded, _LOG_SCOPE)

    def log_time_ns(self) -> int:
        """Now, later than all that was told before: who sorts by time finds the order in which records were written."""
        with self._lock:
            self._last_log_ns = max(time.time_ns(), self._last_log_ns + 1)
            return self._last_log_ns


class AttemptTracing:
    """See the top of the module. Concurrency: safe from any thread."""

    def __init__(self, host: TracingHost, task: task_pb2.LeasedTask) -> None:
        self.host = host
        self.task = task
        self.buffer = TelemetryBuffer(host.budget, host.late)
        self.attributes: Mapping[str, str | int] = {
            "spanloom.job.id": task.job_id,
            "spanloom.job.name": task.job_name,
            "spanloom.task.id": task.task_id,
            "spanloom.task.name": task.identifier.name,
            "spanloom.task.version": task.identifier.version,
            "spanloom.task.attempt": task.attempt,
            "spanloom.queue": task.queue,
            "spanloom.runner.id": host.runner_id,
            "spanloom.span.type": "user",
        }
        self._span: Span | None = None
        # A log record of an attempt has no span type.
        self._log_attributes = to_attributes(
            {key: value for key, value in self.attributes.items() if key != "spanloom.span.type"}
        )

    def start(self, started_ns: int) -> Context:
        """Begins the attempt's span; gives the context its code runs in."""
        carrier = self.task.trace
        origin = AttemptOrigin(self.task.job_id, self.task.task_id, self.task.attempt)
        state = with_origin(carrier.tracestate, origin)
        parent = context_of_carrier(TraceCarrier(carrier.traceparent, state, carrier.baggage))
        self._span = self._start_span(parent, state, started_ns)
        return context.set_value(ATTEMPT_KEY, self, trace.set_span_in_context(self._span, parent))

    @property
    def span_context(self) -> SpanContext:
        """Ids, flags and trace state of the attempt's span (I1, I2)."""
        return self._span.get_span_context() if self._span else trace.INVALID_SPAN_CONTEXT

    def finish(self, ended_ns: int) -> trace_pb2.Span | None:
        """Ends the attempt's span; gives it when the code put anything on it."""
        span = self._span
        if not isinstance(span, ReadableSpan):
            return None
        if span.is_recording():
            span.end(ended_ns)
        if not (span.attributes or span.events or span.links):
            return None
        return to_span(span)

    def add_span(self, span: ReadableSpan) -> None:
        """Collects a span that has ended (I3)."""
        self.host.open_spans.ended(span)
        record = self.encode(span)
        if record is None:
            self.buffer.count_dropped()
        else:
            self.buffer.add_span(record)

    def encode(self, span: ReadableSpan) -> Record | None:
        """A span with what all spans of the attempt share; None when it cannot be encoded."""
        try:
            message = to_span(span, self.attributes)
            return Record(self.host.origin(span.resource, span.instrumentation_scope), message.SerializeToString())
        except Exception:
            # A span of an SDK that builds them otherwise: the code that ended it must not fail for being watched.
            return None

    def add_log(
        self, severity: str, body: object, attributes: Mapping[str, object], *, number: int = 0, event_name: str = ""
    ) -> None:
        """Collects a log record of now (I3)."""
        if not self.host.enabled:
            return
        active = self._active_span()
        now = self.host.log_time_ns()
        record = logs_pb2.LogRecord(
            time_unix_nano=now,
            observed_time_unix_nano=now,
            severity_number=number or SEVERITIES.get(severity, 0),  # type: ignore[arg-type]
            severity_text=severity,
            body=to_any_value(body),
            attributes=to_attributes({k: v for k, v in attributes.items() if k not in self.attributes}),
            flags=active.trace_flags,
            trace_id=active.trace_id.to_bytes(16, "big"),
            span_id=active.span_id.to_bytes(8, "big"),
            event_name=to_text(event_name),
        )
        record.attributes.extend(self._log_attributes)
        self.buffer.add_log(Record(self.host.log_origin, record.SerializeToString()))

    def _active_span(self) -> SpanContext:
        """The active span of the attempt; outside of its context, e.g. in a thread of its own, the attempt's."""
        if context.get_value(ATTEMPT_KEY) is self:
            active = trace.get_current_span().get_span_context()
            if active.is_valid:
                return active
        return self.span_context

    def _start_span(self, parent: Context, state: str, started_ns: int) -> Span:
        if self.host.enabled:
            _MINTED.next_id = int(self.task.span_id, 16)
            name = self.task.identifier.name
            return _maker().start_span(name, parent, SpanKind.CONSUMER, start_time=started_ns)
        ids = parse_traceparent(self.task.trace.traceparent)
        return NonRecordingSpan(
            SpanContext(
                trace_id=ids.trace_id if ids else 0,
                span_id=int(self.task.span_id, 16),
                is_remote=False,
                trace_flags=ids.trace_flags if ids else TraceFlags(0),
                trace_state=TraceState.from_header([state]),
            )
        )


class _MintedIds(threading.local):
    """The id of the next span that this thread starts."""

    next_id: int | None = None


_MINTED = _MintedIds()


class _MintedIdGenerator(IdGenerator):
    """Gives the id that the server minted."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_trace_id(self) -> int:
        return self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        minted, _MINTED.next_id = _MINTED.next_id, None
        return minted if minted is not None else self._random.generate_span_id()


_MAKERS: list[trace.Tracer] = []


def _maker() -> trace.Tracer:
    # A provider of its own: no processor or exporter ever sees an attempt's span, which is the server's to write.
    if not _MAKERS:
        provider = TracerProvider(id_generator=_MintedIdGenerator(), resource=Resource({}), shutdown_on_exit=False)
        _MAKERS.append(provider.get_tracer(SCOPE))
    return _MAKERS[0]
