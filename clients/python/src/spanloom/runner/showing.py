"""Sends what attempts that take long have made so far, and what they have had open for long.

Whoever follows a job sees it within a second, and a runner that is killed takes no more than that with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..tracing.attempt_tracing import TracingHost
from ..tracing.records import Entries
from .execute import Execution
from .timers import Timers

LOOK_SECONDS = 0.5
# Age from which an attempt's telemetry does not wait for its result.
LONG_ATTEMPT_NS = 500_000_000
# Age from which a span is shown although it is open.
LONG_SPAN_NS = 2_000_000_000


class Showing:
    """See the top of the module."""

    def __init__(
        self, host: TracingHost, under_way: Callable[[], Iterable[Execution]], send: Callable[[Entries], None]
    ) -> None:
        self._host = host
        self._under_way = under_way
        self._send = send

    def start(self, timers: Timers) -> None:
        """Begins."""
        timers.every(LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Sends what there is."""
        now = time.time_ns()
        for execution in self._under_way():
            started = execution.attempt.started_ns
            if started and started <= now - LONG_ATTEMPT_NS:
                execution.tracing.buffer.drain_to(self._send)
        self._send(self._host.open_spans.take(now - LONG_SPAN_NS))
