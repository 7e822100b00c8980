"""Encoded spans and log records of one attempt until they are sent.

I1. All buffers of a runner, and what was taken from them, hold at most the budget. Over it the oldest spans of the
    attempt are dropped first, then what is being added; each is counted.
I2. What was taken gives its bytes back to the budget when the server has it.
I3. After :meth:`seal` nothing is held here: what still comes is late and handed on at once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from .records import Entries, Record


class TelemetryBudget:
    """Bytes of telemetry that a runner may hold. Concurrency: safe from any thread."""

    def __init__(self, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self.max_bytes = max_bytes
        self.used = 0
        self.dropped = 0

    def take(self, size: int) -> bool:
        """Takes bytes, if there are so many left."""
        with self._lock:
            if self.used + size > self.max_bytes:
                return False
            self.used += size
            return True

    def release(self, size: int) -> None:
        """Gives bytes back."""
        with self._lock:
            self.used -= size

    def count_dropped(self, count: int) -> None:
        """Counts what could not be kept."""
        with self._lock:
            self.dropped += count


class TelemetryBuffer:
    """See the top of the module. Concurrency: safe from any thread."""

    def __init__(self, budget: TelemetryBudget, late: Callable[[Entries], None]) -> None:
        self._lock = threading.Lock()
        self._budget = budget
        self._late = late
        self._spans: deque[Record] = deque()
        self._logs: deque[Record] = deque()
        self._size = 0
        self._sealed = False
        self.dropped = 0

    def add_span(self, record: Record) -> None:
        """Adds a span that has ended."""
        self._add(record, is_span=True)

    def add_log(self, record: Record) -> None:
        """Adds a log record."""
        self._add(record, is_span=False)

    def count_dropped(self, count: int = 1) -> None:
        """Counts spans or log records that could not be kept."""
        with self._lock:
            self.dropped += count
        self._budget.count_dropped(count)

    def drain_to(self, send: Callable[[Entries], None]) -> None:
        """Hands on all that is held; before anybody can seal it, so that a result never overtakes it."""
        with self._lock:
            send(self._drain())

    def seal(self) -> Entries:
        """Takes all that is held; what comes later is handed on (I3)."""
        with self._lock:
            self._sealed = True
            return self._drain()

    def _drain(self) -> Entries:
        entries = Entries(list(self._spans), list(self._logs), self._size)
        self._spans.clear()
        self._logs.clear()
        self._size = 0
        return entries

    def _add(self, record: Record, *, is_span: bool) -> None:
        size = len(record.data)
        with self._lock:
            has_room = self._make_room(size)
            late = has_room and self._sealed
            if not has_room:
                self.dropped += 1
                self._budget.count_dropped(1)
            elif not late:
                (self._spans if is_span else self._logs).append(record)
                self._size += size
        if late:
            self._late(Entries([record], [], size) if is_span else Entries([], [record], size))

    def _make_room(self, size: int) -> bool:
        while not self._budget.take(size):
            # What has no room even alone makes no other go.
            if not self._spans or size > self._budget.max_bytes:
                return False
            oldest = len(self._spans.popleft().data)
            self._size -= oldest
            self._budget.release(oldest)
            self._budget.count_dropped(1)
            self.dropped += 1
        return True
