"""Calls at a time, all by one thread."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Timers:
    """Concurrency: safe from any thread. What is called must not block."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Calls once, so many seconds from now."""
        with self._condition:
            if self._stopped:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spanloom-timers", daemon=True)
                self._thread.start()
            heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._numbers), call))
            self._condition.notify()

    def every(self, seconds: float, call: Callable[[], None]) -> None:
        """Calls again and again, with so many seconds between."""

        def again() -> None:
            call()
            self.after(seconds, again)

        self.after(seconds, again)

    def stop(self) -> None:
        """Calls nothing any more. Safe to call twice."""
        with self._condition:
            self._stopped = True
            self._heap.clear()
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._stopped and (not self._heap or self._heap[0][0] > time.monotonic()):
                    wait = self._heap[0][0] - time.monotonic() if self._heap else None
                    self._condition.wait(wait)
                if self._stopped:
                    return
                call = heapq.heappop(self._heap)[2]
            call()
