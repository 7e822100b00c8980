"""The attempts a runner holds: those that run and those that wait for a slot.

I1. At most ``concurrency`` attempts run; a slot is free again when its attempt has settled.
I2. Every attempt held leaves once, through ``ended``.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..durations import from_duration, ns_of_timestamp
from ..errors import AbortKind, AttemptAborted
from ..tracing.records import Entries
from ..v1 import task_pb2
from .attempt import Attempt, AttemptKey
from .failure import to_failure
from .prefetch import Prefetch
from .task_result import Outcome, outcome_of_abort, released, to_result
from .timers import Timer, Timers


class Run(Protocol):
    """The code of one attempt."""

    def start(self, done: Callable[[Outcome], None]) -> None:
        """Starts it, and calls ``done`` once it has ended."""

    def finish(self, outcome: Outcome) -> tuple[task_pb2.TaskResult | None, Entries]:
        """Called once when the attempt settles: gives its result, None when it is lost, and the last of its
        telemetry."""


class Executor(Protocol):
    """Who runs the code of attempts."""

    def prepare(self, attempt: Attempt) -> Run:
        """Makes ready what runs the code of an attempt."""


@dataclass(frozen=True)
class PoolOptions:
    """What a pool takes. Units: ``abandon_after`` seconds."""

    executor: Executor
    timers: Timers
    concurrency: int
    prefetch: int
    abandon_after: float
    # Told of every attempt that ended; the result is None when its lease was lost.
    ended: Callable[[Attempt, task_pb2.TaskResult | None, Entries], None]
    log: Callable[[str], None]
    # Told when there is room for another.
    freed: Callable[[], None]


class AttemptPool:
    """See the top of the module. Concurrency: safe from any thread."""

    def __init__(self, options: PoolOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._prefetch = Prefetch(options.prefetch, options.concurrency)
        self._held: dict[AttemptKey, Attempt] = {}
        self._runs: dict[AttemptKey, Run] = {}
        self._queue: deque[Attempt] = deque()
        self._running = 0

    @property
    def held(self) -> list[Attempt]:
        """Attempts held: running and waiting."""
        with self._lock:
            return list(self._held.values())

    @property
    def free(self) -> int:
        """Slots that nothing held will take."""
        return self._options.concurrency - len(self._held)

    @property
    def room(self) -> int:
        """Tasks that may be held besides those that are."""
        return self._options.concurrency + self._prefetch.allowed - len(self._held)

    def accept(self, attempts: Sequence[Attempt]) -> None:
        """Takes attempts over, and starts as many as there are slots for."""
        with self._lock:
            for attempt in attempts:
                self._held[attempt.key] = attempt
                self._queue.append(attempt)
        self._pump()

    def abort(self, key: AttemptKey, kind: AbortKind, why: str) -> bool:
        """Tells an attempt to stop; one that has not started ends at once. False when it is not held, or known lost."""
        with self._lock:
            attempt = self._held.get(key)
        if attempt is None or attempt.lost:
            return False
        if kind == "lease_lost":
            attempt.lost = True
        self._abort(attempt, kind, why)
        return True

    def abort_all(self, kind: AbortKind, why: str) -> None:
        """Tells all that run to stop."""
        for attempt in self.held:
            self._abort(attempt, kind, why)

    def release_waiting(self) -> None:
        """Gives back attempts that wait for a slot."""
        self._drop_waiting(float("inf"), task_pb2.RELEASE_REASON_SHUTDOWN)

    def release_stale(self, leased_before: float) -> None:
        """Gives back attempts leased before that wait for a slot, when all slots are taken."""
        if self._running >= self._options.concurrency:
            self._drop_waiting(leased_before, task_pb2.RELEASE_REASON_OVERLOADED)

    def abandon_all(self) -> None:
        """Settles what still runs, whatever its code does."""
        for attempt in self.held:
            self._abandon(attempt)

    def wait_empty(self, seconds: float) -> bool:
        """Waits until nothing is held, at most so long; gives whether it came to that."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._held, seconds)

    def _pump(self) -> None:
        while True:
            with self._lock:
                if self._running >= self._options.concurrency or not self._queue:
                    return
                attempt = self._queue.popleft()
                if not attempt.start():
                    continue
                self._running += 1
            self._start(attempt)

    def _start(self, attempt: Attempt) -> None:
        if attempt.definition is None:
            self._settle(attempt, released(task_pb2.RELEASE_REASON_UNKNOWN_IDENTIFIER))
            return
        seconds = remaining_seconds(attempt)
        if seconds is not None:
            why = "its timeout or its job's deadline passed"
            attempt.timer = self._options.timers.after(seconds, lambda: self._abort(attempt, "timeout", why))
        try:
            run = self._options.executor.prepare(attempt)
            self._runs[attempt.key] = run
            run.start(lambda outcome: self._settle(attempt, outcome))
        except Exception as error:
            # No thread or process is to be had: another runner may have one.
            self._options.log(f'cannot start attempt {attempt.task.attempt} of task "{attempt.name}": {error!r}')
            self._settle(attempt, released(task_pb2.RELEASE_REASON_OVERLOADED))

    def _abort(self, attempt: Attempt, kind: AbortKind, why: str) -> None:
        if attempt.state == "settled" or not attempt.abort(kind, why):
            return
        if attempt.drop():
            assert attempt.aborted is not None
            self._end(attempt, outcome_of_abort(attempt, to_failure(attempt.aborted)), ran=False)
        else:
            self._rearm(
                attempt, self._options.timers.after(self._options.abandon_after, lambda: self._abandon(attempt))
            )

    def _rearm(self, attempt: Attempt, timer: Timer | None) -> None:
        """What was due for an attempt is no longer, or is replaced."""
        before, attempt.timer = attempt.timer, timer
        if before is not None:
            self._options.timers.cancel(before)

    def _abandon(self, attempt: Attempt) -> None:
        """Settles an attempt whose code goes on after it was told to stop; its result is what it was told."""
        error = attempt.aborted or AttemptAborted("shutdown", "the runner stopped")
        self._settle(attempt, outcome_of_abort(attempt, to_failure(error)))

    def _settle(self, attempt: Attempt, outcome: Outcome) -> None:
        if attempt.settle():
            self._end(attempt, outcome, ran=True)
            self._pump()

    def _end(self, attempt: Attempt, outcome: Outcome, *, ran: bool) -> None:
        self._rearm(attempt, None)
        run = self._runs.pop(attempt.key, None)
        result, entries = run.finish(outcome) if run else _finish_unrun(attempt, outcome)
        # Before its slot is free: nobody may find the runner idle while a result is on its way to be reported.
        self._options.ended(attempt, result, entries)
        with self._idle:
            self._held.pop(attempt.key, None)
            if ran:
                self._running -= 1
                self._prefetch.note(time.monotonic() - attempt.started_at)
            if not self._held:
                self._idle.notify_all()
        self._options.freed()

    def _drop_waiting(self, leased_before: float, reason: task_pb2.ReleaseReason) -> None:
        with self._lock:
            waiting = [each for each in self._queue if each.leased_at < leased_before]
        for attempt in waiting:
            if attempt.drop():
                self._end(attempt, released(reason), ran=False)


def remaining_seconds(attempt: Attempt) -> float | None:
    """Time left when the lease was granted, by the server's clock alone, so that clocks may differ."""
    task = attempt.task
    if not task.HasField("deadline"):
        return None
    lease = from_duration(task.lease_duration) if task.HasField("lease_duration") else 15.0
    leased_ns = ns_of_timestamp(task.lease_expires_at) - int(lease * 1e9)
    return max(0.0, (ns_of_timestamp(task.deadline) - leased_ns) / 1e9)


def _finish_unrun(attempt: Attempt, outcome: Outcome) -> tuple[task_pb2.TaskResult | None, Entries]:
    return (None if attempt.lost else to_result(attempt, outcome)), Entries()
