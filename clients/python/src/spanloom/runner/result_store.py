"""Finished results and telemetry, until the server has them.

I1. A result leaves only by :meth:`acknowledge`: a server that is away for minutes loses none.
I2. One batch is under way at a time, and telemetry of an attempt comes in before its result: the server has the spans
    before, or when, it has the result.
I3. Nothing is refused: when ``full``, it is the caller who stops leasing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..tracing.records import Entries, Record, encode_request
from ..tracing.telemetry_buffer import TelemetryBudget
from ..v1 import task_pb2, task_service_pb2
from .attempt import Attempt

# Most results in a request: the protocol's limit.
MAX_RESULTS = 1_000
# About how large a request gets: a quarter of what a server reads, as sizes are estimates.
MAX_BATCH_BYTES = 4 * 1024 * 1024
# About what a record takes in a request beside its own bytes.
RECORD_BYTES = 16


@dataclass
class Finished:
    """The result of an attempt."""

    attempt: Attempt
    result: task_pb2.TaskResult
    size: int


@dataclass
class Batch:
    """What goes into one request; it stays as it is until the server has acknowledged it."""

    finished: list[Finished] = field(default_factory=list)
    entries: Entries = field(default_factory=Entries)

    def __bool__(self) -> bool:
        return bool(self.finished) or bool(self.entries)

    def telemetry(self) -> task_service_pb2.Telemetry | None:
        """Its spans and logs as they travel."""
        if not self.entries:
            return None
        return task_service_pb2.Telemetry(
            traces=[encode_request(self.entries.spans)] if self.entries.spans else [],
            logs=[encode_request(self.entries.logs)] if self.entries.logs else [],
        )

    def split(self) -> tuple[Batch, Batch] | None:
        """Two parts to be sent one after the other, telemetry first; None when it is one thing."""
        if self.entries and self.finished:
            return Batch(entries=self.entries), Batch(finished=self.finished)
        if len(self.finished) > 1:
            half = len(self.finished) // 2
            return Batch(finished=self.finished[:half]), Batch(finished=self.finished[half:])
        if len(self.entries) > 1:
            return tuple(Batch(entries=each) for each in _halves(self.entries))  # type: ignore[return-value]
        return None


class ResultStore:
    """See the top of the module. Concurrency: safe from any thread."""

    def __init__(self, max_result_bytes: int, budget: TelemetryBudget, ready: Callable[[], None]) -> None:
        self._condition = threading.Condition()
        self._max_result_bytes = max_result_bytes
        self._budget = budget
        self._ready = ready
        self._queue: deque[Finished | Entries] = deque()
        self._unacknowledged: dict[int, Attempt] = {}
        self._under_way = 0
        self._refused = Entries()
        self.result_bytes = 0

    @property
    def full(self) -> bool:
        """Whether results should be sent before more work is taken on."""
        return self.result_bytes >= self._max_result_bytes

    @property
    def unacknowledged(self) -> list[Attempt]:
        """Attempts whose results the server may not have: their leases must be kept."""
        with self._condition:
            return list(self._unacknowledged.values())

    @property
    def pending(self) -> bool:
        """Whether there is something to send."""
        return bool(self._queue)

    def add(self, attempt: Attempt, result: task_pb2.TaskResult, entries: Entries) -> None:
        """Takes the result of an attempt, with the last of its telemetry."""
        finished = Finished(attempt, result, result.ByteSize())
        with self._condition:
            self._add_entries(entries)
            self._unacknowledged[id(attempt)] = attempt
            self.result_bytes += finished.size
            self._queue.append(finished)
        self._ready()

    def add_entries(self, entries: Entries) -> None:
        """Takes telemetry that has no result of its own, or none yet."""
        if not entries:
            return
        with self._condition:
            self._add_entries(entries)
        self._ready()

    def take(self) -> Batch:
        """The next batch: at most 1,000 results and about 4 MiB; an empty one when there is nothing to send."""
        batch = Batch()
        size = 0
        with self._condition:
            while self._queue and len(batch.finished) < MAX_RESULTS:
                first = self._queue[0]
                more = first.size + (len(first) * RECORD_BYTES if isinstance(first, Entries) else 0)
                if size > 0 and size + more > MAX_BATCH_BYTES:
                    break
                size += more
                self._queue.popleft()
                if isinstance(first, Entries):
                    batch.entries.add(first)
                else:
                    batch.finished.append(first)
            if batch:
                self._under_way += 1
        return batch

    def acknowledge(self, batch: Batch) -> None:
        """The server has the batch, or a part of it, whatever it made of it."""
        self._budget.release(batch.entries.size)
        with self._condition:
            for finished in batch.finished:
                self.result_bytes -= finished.size
                self._unacknowledged.pop(id(finished.attempt), None)

    def done(self) -> None:
        """A batch that was taken is no longer under way."""
        with self._condition:
            self._under_way -= 1
            self._condition.notify_all()

    def keep_refused(self, batch: Batch) -> None:
        """The server took the results and had no room for the telemetry, which waits for :meth:`retry_refused`."""
        with self._condition:
            self._refused.add(batch.entries)
            batch.entries = Entries()

    def retry_refused(self) -> None:
        """Sends what was refused once more."""
        with self._condition:
            entries, self._refused = self._refused, Entries()
            self._add_entries(entries)
        if entries:
            self._ready()

    def give_up(self, batch: Batch) -> int:
        """Counts telemetry that the server refuses for good; gives how many records that are."""
        self._budget.count_dropped(len(batch.entries))
        return len(batch.entries)

    def wait_empty(self, seconds: float) -> bool:
        """Waits until nothing is left to send or to be acknowledged, at most so long; gives whether it came to that."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._queue and self._under_way == 0, seconds)

    def _add_entries(self, entries: Entries) -> None:
        while entries:
            part, entries = _first_part(entries)
            self._queue.append(part)


def _first_part(entries: Entries) -> tuple[Entries, Entries]:
    """What fits into one batch, and the rest."""
    if entries.size + len(entries) * RECORD_BYTES <= MAX_BATCH_BYTES or len(entries) < 2:
        return entries, Entries()
    first, second = _halves(entries)
    part, rest = _first_part(first)
    rest.add(second)
    return part, rest


def _halves(entries: Entries) -> tuple[Entries, Entries]:
    if entries.spans and entries.logs:
        return _entries(entries.spans, []), _entries([], entries.logs)
    middle = len(entries) // 2
    spans, logs = entries.spans, entries.logs
    if spans:
        return _entries(spans[:middle], []), _entries(spans[middle:], [])
    return _entries([], logs[:middle]), _entries([], logs[middle:])


def _entries(spans: list[Record], logs: list[Record]) -> Entries:
    return Entries(spans, logs, sum(len(each.data) for each in (*spans, *logs)))
