"""Hands spans to the attempts they belong to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from .attempt_key import current_attempt
from .open_spans import SpanKey, key_of
from .trace_context import AttemptOrigin, origin_of

if TYPE_CHECKING:
    from .attempt_tracing import AttemptTracing

# Attempts that run in this process, for spans whose parent is known by its trace context alone.
RUNNING: dict[AttemptOrigin, AttemptTracing] = {}

# Spans that have begun and not ended; the oldest are forgotten beyond so many, and found by their tracestate instead.
MAX_LIVE = 100_000


class SpanloomSpanProcessor(SpanProcessor):
    """What an application adds to a tracer provider of its own, so that spans within tasks reach Spanloom too.

    Not needed otherwise: without a provider of the application's, the runner registers one that has it. Spans outside
    of attempts are none of its business.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: dict[SpanKey, AttemptTracing] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Finds the span's attempt: by its context, else by the tracestate of its parent."""
        attempt = current_attempt(parent_context) or _attempt_of_parent(parent_context)
        context = span.get_span_context()
        if attempt is None or not attempt.host.enabled or context is None or not context.trace_flags.sampled:
            return
        with self._lock:
            if len(self._live) >= MAX_LIVE:
                del self._live[next(iter(self._live))]
            self._live[key_of(span)] = attempt
        attempt.host.open_spans.began(span, attempt)

    def on_end(self, span: ReadableSpan) -> None:
        """Collects the span."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        # The SDK hands on a copy, which has the ids of the span.
        with self._lock:
            attempt = self._live.pop(key_of(span), None)
        if attempt is None and (origin := _origin(context)):
            attempt = RUNNING.get(origin)
        if attempt is not None and attempt.host.enabled:
            attempt.add_span(span)

    def shutdown(self) -> None:
        """Changes nothing: the runner flushes what it holds as it stops."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """True: spans are handed on as they end."""
        return True


def _attempt_of_parent(parent_context: Context | None) -> AttemptTracing | None:
    origin = _origin(trace.get_current_span(parent_context).get_span_context())
    return RUNNING.get(origin) if origin else None


def _origin(context: trace.SpanContext) -> AttemptOrigin | None:
    return origin_of(context.trace_state.to_header()) if context.trace_state else None
