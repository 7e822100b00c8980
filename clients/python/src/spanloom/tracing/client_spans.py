"""Spans of a client's calls that ask for work, in the trace of whoever calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from ..errors import SpanloomError
from ..v1 import job_service_pb2
from .attempt_key import current_attempt
from .registered import application_provider
from .trace_context import TraceCarrier, context_of_carrier, format_traceparent

SCOPE = "spanloom"


class ClientSpan:
    """The span of one call; without one, what it is told goes nowhere."""

    def __init__(self, span: Span | None = None, *, batch: bool = False, baggage: str = "") -> None:
        self._span = span
        self._batch = batch
        self._baggage = baggage

    @property
    def carrier(self) -> TraceCarrier | None:
        """Trace context to send; None without a span."""
        if self._span is None:
            return None
        own = self._span.get_span_context()
        return TraceCarrier(format_traceparent(own), own.trace_state.to_header(), self._baggage)

    def found(self, job: job_service_pb2.Job) -> None:
        """The server has answered with this job."""
        span = self._span
        if span is None or self._batch:
            return
        span.update_name(f"{span.name.split(' ')[0]} {job.queue}" if hasattr(span, "name") else "submit")
        span.set_attribute("messaging.destination.name", job.queue)
        span.set_attribute("messaging.message.id", job.id)
        span.set_attribute("messaging.message.conversation_id", job.id)
        # Within an attempt a span belongs to the attempt's own job.
        if current_attempt() is None:
            span.set_attribute("spanloom.job.id", job.id)
            span.set_attribute("spanloom.job.name", job.name)
            span.set_attribute("spanloom.queue", job.queue)


class ClientSpans:
    """Makes the spans, where the application has registered a tracer provider.

    Source: docs/telemetry.md, "Who submits".
    """

    def __init__(self, url: str, enabled: bool) -> None:
        self._enabled = enabled
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._server: dict[str, AttributeValue] = {"server.address": parts.hostname or "", "server.port": port}

    @contextmanager
    def trace(
        self,
        operation: str,
        destination: str = "",
        *,
        job_id: str = "",
        carrier: TraceCarrier | Literal[False] | None = None,
        count: int | None = None,
    ) -> Iterator[ClientSpan]:
        """A span for the call made within; its error is recorded and raised on."""
        provider = application_provider() if self._enabled and carrier is not False else None
        if provider is None:
            yield ClientSpan()
            return
        attributes = {**self._server, "messaging.system": "spanloom", "messaging.operation.name": operation}
        if operation != "cancel":
            attributes["messaging.operation.type"] = "send"
        if destination:
            attributes["messaging.destination.name"] = destination
        if job_id:
            attributes["messaging.message.conversation_id"] = job_id
        if count is not None:
            attributes["messaging.batch.message_count"] = count
        parent = context_of_carrier(carrier) if carrier else None
        name = f"{operation} {destination}".strip()
        tracer = provider.get_tracer(SCOPE)
        span = tracer.start_span(name, context=parent, kind=SpanKind.PRODUCER, attributes=attributes)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield ClientSpan(span, batch=count is not None, baggage=carrier.baggage if carrier else "")
        except SpanloomError as error:
            span.record_exception(error)
            span.set_attribute("error.type", error.reason)
            span.set_status(Status(StatusCode.ERROR, str(error)))
            raise
        finally:
            span.end()
