"""Calls at a time, all by one thread."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

# Cancelled timers that are kept until their time, as taking one out of a heap costs as much as making it anew.
MAX_CANCELLED = 1_000


class Timer:
    """A call that is due."""

    __slots__ = ("call", "due", "number")

    def __init__(self, due: float, number: int, call: Callable[[], None]) -> None:
        self.due = due
        self.number = number
        # None once it was cancelled: what it would have called holds on to nothing.
        self.call: Callable[[], None] | None = call

    def __lt__(self, other: Timer) -> bool:
        return (self.due, self.number) < (other.due, other.number)


class Timers:
    """Concurrency: safe from any thread. What is called must not block."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._heap: list[Timer] = []
        self._cancelled = 0
        self._numbers = itertools.count()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Calls once, so many seconds from now, unless it is cancelled."""
        with self._condition:
            timer = Timer(time.monotonic() + seconds, next(self._numbers), call)
            if self._stopped:
                return timer
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spanloom-timers", daemon=True)
                self._thread.start()
            heapq.heappush(self._heap, timer)
            # Only an earlier call than all others changes when to wake up.
            if self._heap[0] is timer:
                self._condition.notify()
            return timer

    def cancel(self, timer: Timer) -> None:
        """Does not call it any more. Safe to call twice, and after it was called."""
        with self._condition:
            if timer.call is None:
                return
            timer.call = None
            self._cancelled += 1
            if self._cancelled > max(MAX_CANCELLED, len(self._heap) // 2):
                self._heap = [each for each in self._heap if each.call is not None]
                heapq.heapify(self._heap)
                self._cancelled = 0

    def every(self, seconds: float, call: Callable[[], None]) -> None:
        """Calls again and again, with so many seconds between."""

        def again() -> None:
            try:
                call()
            finally:
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
                while not self._stopped and (not self._heap or self._heap[0].due > time.monotonic()):
                    wait = self._heap[0].due - time.monotonic() if self._heap else None
                    self._condition.wait(wait)
                if self._stopped:
                    return
                timer = heapq.heappop(self._heap)
                call, timer.call = timer.call, None
            if call is None:
                self._cancelled = max(0, self._cancelled - 1)
                continue
            try:
                call()
            except Exception as error:
                # A defect of what is called spoils no other timer.
                logging.getLogger("spanloom.runner").error("a defect in a timer: %r", error)
