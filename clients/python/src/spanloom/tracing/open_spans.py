"""Spans of a runner that have begun and have not ended, so that those open for long can be shown."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan

from .records import Entries

if TYPE_CHECKING:
    from .attempt_tracing import AttemptTracing

# What is beyond is seen when it ends: code that forgets to end its spans must not be kept from forgetting them.
MAX_OPEN_SPANS = 10_000

# Trace id and span id.
SpanKey = tuple[int, int]


def key_of(span: ReadableSpan) -> SpanKey:
    """What tells a span from all others."""
    context = span.get_span_context()
    return (context.trace_id, context.span_id) if context is not None else (0, 0)


class OpenSpans:
    """Concurrency: safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: dict[SpanKey, tuple[ReadableSpan, AttemptTracing]] = {}

    def began(self, span: ReadableSpan, attempt: AttemptTracing) -> None:
        """Takes note of a span."""
        with self._lock:
            if len(self._spans) < MAX_OPEN_SPANS:
                self._spans[key_of(span)] = (span, attempt)

    def ended(self, span: ReadableSpan) -> None:
        """Forgets it; the SDK hands on a copy, which has the ids of the span."""
        with self._lock:
            self._spans.pop(key_of(span), None)

    def take(self, before_ns: int) -> Entries:
        """Spans that began before, as they are now; each is given once."""
        with self._lock:
            old = {key: each for key, each in self._spans.items() if (each[0].start_time or 0) < before_ns}
            for key in old:
                del self._spans[key]
        entries = Entries()
        for span, attempt in old.values():
            record = attempt.encode(span)
            if record is not None and attempt.host.budget.take(len(record.data)):
                entries.spans.append(record)
                entries.size += len(record.data)
        return entries
