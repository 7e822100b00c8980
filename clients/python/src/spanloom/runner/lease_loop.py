"""Moves work in and results out: the runner's side of LeaseTasks.

Two threads. One *polls*: it asks for tasks only and may sleep on the server. One *exchanges*: it reports results and
asks for as many tasks as there is room for, and never sleeps on the server.

I1. A result never waits for a poll; results that end during an exchange leave together with the next.
I2. What both calls under way may bring, and what is held, never exceeds the pool's room.
I3. A batch is sent until the server acknowledges it; an outage ends nothing.
I4. After :meth:`stop_leasing` no call asks for tasks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..durations import to_duration
from ..errors import ErrorFacts, SpanloomError
from ..rpc.connection import Connection
from ..rpc.http_pool import CallScope
from ..rpc.retry import call_with_retry, retry_delay
from ..v1 import task_pb2, task_service_pb2
from .attempt import Attempt
from .attempt_pool import AttemptPool
from .result_store import Batch, ResultStore
from .timers import Timers

MAX_LEASE_BATCH = 1_000
# How long a poll may sleep on the server.
WAIT_SECONDS = 20.0
# Deadline of an exchange, and how much longer than its wait a poll may take.
CALL_SECONDS = 15.0
# The backoff's step for failures only a person can mend: long waits from the start.
MENDING_ATTEMPT = 6
# How long a thread rests after a defect of its own.
MENDING_SECONDS = 1.0

CANCELLATION_REASONS = {
    task_service_pb2.CANCELLATION_REASON_JOB_CANCELLED: "its job was cancelled",
    task_service_pb2.CANCELLATION_REASON_JOB_FAILED: "another task of its job failed",
    task_service_pb2.CANCELLATION_REASON_CONCURRENCY: "a newer task took its place",
}


@dataclass(frozen=True)
class LeaseLoopOptions:
    """What a lease loop takes."""

    connection: Connection
    runner_id: str
    queues: Sequence[str]
    identifiers: Sequence[task_pb2.TaskIdentifier]
    pool: AttemptPool
    store: ResultStore
    timers: Timers
    leased: Callable[[Sequence[task_pb2.LeasedTask]], None]
    acknowledged: Callable[[Sequence[Attempt]], None]
    drained: Callable[[], None]
    log: Callable[[str], None]


class LeaseLoop:
    """See the top of the module."""

    def __init__(self, options: LeaseLoopOptions) -> None:
        self._options = options
        self._polling = CallScope()
        self._waiting = False
        self._reporting = CallScope()
        self._condition = threading.Condition()
        self._reserved = 0
        self._leasing = False
        self._unreachable = False
        self._refusals = 0
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins to lease."""
        self._leasing = True
        for name, target in (("poll", self._poll), ("report", self._report)):
            thread = threading.Thread(target=self._lasting(name, target), name=f"spanloom-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """There is something to report, or room for tasks."""
        with self._condition:
            self._condition.notify_all()

    @property
    def is_polling(self) -> bool:
        """Whether a poll waits at the server, or for a server that is away."""
        return self._waiting

    def stop_leasing(self) -> None:
        """Asks for no more tasks (I4); results go on being reported. Safe to call twice."""
        self._leasing = False
        self._polling.cancel()
        self.wake()

    def stop(self) -> None:
        """Ends all calls; what was not reported is not. Safe to call twice."""
        self.stop_leasing()
        self._reporting.cancel()
        self.wake()
        for thread in self._threads:
            thread.join(CALL_SECONDS)

    def _lasting(self, name: str, target: Callable[[], None]) -> Callable[[], None]:
        """A defect of this package must not end a thread that everything depends on."""

        def run() -> None:
            while True:
                try:
                    target()
                except Exception as error:
                    self._options.log(f"a defect in the thread that {name}s, which goes on: {error!r}")
                    if not self._reporting.wait(MENDING_SECONDS):
                        continue
                return

        return run

    def _poll(self) -> None:
        pool, store = self._options.pool, self._options.store
        failures = 0
        while self._leasing:
            with self._condition:
                self._condition.wait_for(lambda: not self._leasing or self._free() > 0)
                if not self._leasing:
                    return
                asked = min(max(self._free(), (pool.room - self._reserved + 1) // 2), MAX_LEASE_BATCH)
                self._reserved += asked
            try:
                self._waiting = True
                request = self._request(max_tasks=asked, wait=to_duration(WAIT_SECONDS))
                answer = self._call(request, WAIT_SECONDS + CALL_SECONDS, self._polling)
                failures = 0
            except SpanloomError as error:
                if not self._polling.cancelled:
                    failures += 1
                    delay = retry_delay(failures, error)
                    self._failed(error, delay)
                    self._polling.wait(delay)
                continue
            finally:
                self._waiting = False
                with self._condition:
                    self._reserved -= asked
            self._received(answer)
            if store.pending:
                self.wake()

    def _free(self) -> int:
        """Slots that no call under way may fill."""
        return 0 if self._options.store.full else self._options.pool.free - self._reserved

    def _room(self) -> int:
        if not self._leasing or self._options.store.full:
            return 0
        return max(0, min(self._options.pool.room - self._reserved, MAX_LEASE_BATCH))

    def _report(self) -> None:
        store = self._options.store
        while not self._reporting.cancelled:
            with self._condition:
                self._condition.wait_for(lambda: self._reporting.cancelled or store.pending)
            batch = store.take()
            if not batch:
                continue
            try:
                self._send(batch)
            except SpanloomError:
                # Only stop() ends reporting; the results were kept until then.
                if not self._reporting.cancelled:
                    raise
            finally:
                store.done()
            self.wake()

    def _send(self, batch: Batch) -> None:
        """Reports a batch, or if the server refuses it as a whole its parts one after the other."""
        while True:
            try:
                answer = call_with_retry(
                    lambda: self._exchange(batch), max_attempts=None, scope=self._reporting, on_retry=self._failed
                )
            except SpanloomError as error:
                if self._reporting.cancelled:
                    raise
                if error.reason in ("INVALID_FIELD", "LIMIT_EXCEEDED"):
                    self._refused(batch, error)
                    return
                # A wrong token or a defect of the server: someone may mend it while the results are kept.
                delay = retry_delay(MENDING_ATTEMPT, error)
                self._failed(error, delay)
                self._reporting.wait(delay)
                continue
            self._check_acks(answer, batch)
            if batch.entries and answer.telemetry_rejection.retryable:
                self._keep_refused(batch, answer.telemetry_rejection.message)
            elif batch.entries:
                self._refusals = 0
            self._acknowledge(batch)
            self._received(answer)
            return

    def _exchange(self, batch: Batch) -> task_service_pb2.LeaseTasksResponse:
        """One exchange. Half of the room is left to the poll, so that both stay busy."""
        with self._condition:
            room = self._room()
            asked = (room + 1) // 2 if room > 2 * max(0, self._options.pool.free) else room
            self._reserved += asked
        try:
            request = self._request(
                max_tasks=asked,
                results=[each.result for each in batch.finished],
                telemetry=batch.telemetry(),
            )
            return self._call(request, CALL_SECONDS, self._reporting)
        finally:
            with self._condition:
                self._reserved -= asked

    def _refused(self, batch: Batch, error: SpanloomError) -> None:
        parts = batch.split()
        if parts is not None:
            for part in parts:
                self._send(part)
            return
        dropped = self._options.store.give_up(batch)
        what = f"the result of task {batch.finished[0].result.task_id}" if batch.finished else f"{dropped} records"
        self._options.log(f"gave up {what}: the server refuses it: {error}")
        self._acknowledge(batch)

    def _keep_refused(self, batch: Batch, message: str) -> None:
        """The server has no room for telemetry: it is sent again after a while."""
        store = self._options.store
        if self._refusals == 0:
            self._options.log(f"the server has no room for telemetry, which is kept: {message}")
        self._refusals += 1
        store.keep_refused(batch)
        delay = retry_delay(self._refusals, SpanloomError("OVERLOADED", message, ErrorFacts(retry_after=0.1)))
        self._options.timers.after(delay, store.retry_refused)

    def _acknowledge(self, batch: Batch) -> None:
        self._options.store.acknowledge(batch)
        self._options.acknowledged([each.attempt for each in batch.finished])

    def _request(self, **fields: object) -> task_service_pb2.LeaseTasksRequest:
        options = self._options
        return task_service_pb2.LeaseTasksRequest(
            runner_id=options.runner_id,
            queues=options.queues,
            identifiers=options.identifiers,
            **fields,  # type: ignore[arg-type]
        )

    def _call(
        self, request: task_service_pb2.LeaseTasksRequest, timeout: float, scope: CallScope
    ) -> task_service_pb2.LeaseTasksResponse:
        connection = self._options.connection
        answer = task_service_pb2.LeaseTasksResponse
        try:
            return connection.unary("TaskService/LeaseTasks", request, answer, timeout=timeout, scope=scope)
        except SpanloomError:
            raise
        except Exception as error:
            # A defect of this package: what was to be reported is kept, as with one of the server.
            raise SpanloomError("INTERNAL", f"cannot call {connection.url}: {error!r}") from error

    def _received(self, answer: task_service_pb2.LeaseTasksResponse) -> None:
        options = self._options
        if self._unreachable:
            options.log(f"reached the server at {options.connection.url} again")
        self._unreachable = False
        if answer.tasks:
            options.leased(answer.tasks)
        for each in answer.cancellations:
            abort_cancelled(options.pool, each)
        if answer.drain:
            options.drained()
        rejection = answer.telemetry_rejection
        if answer.HasField("telemetry_rejection") and not rejection.retryable:
            options.log(
                f"the server refused {rejection.rejected_spans} spans and {rejection.rejected_logs} logs: "
                f"{rejection.message}"
            )

    def _check_acks(self, answer: task_service_pb2.LeaseTasksResponse, batch: Batch) -> None:
        for ack, finished in zip(answer.result_acks, batch.finished, strict=False):
            what = f"result of task {finished.result.task_id}, attempt {finished.result.attempt},"
            if ack.status == task_service_pb2.RESULT_STATUS_STALE_LEASE:
                self._options.log(f"{what} came too late: its lease was lost")
            elif ack.status == task_service_pb2.RESULT_STATUS_INVALID:
                self._options.log(f"{what} was refused: {ack.message}")

    def _failed(self, error: SpanloomError, delay: float) -> None:
        if self._unreachable:
            return
        self._unreachable = True
        self._options.log(f"{error}; trying again, first in {delay:.3f} s")


def abort_cancelled(pool: AttemptPool, cancellation: task_service_pb2.Cancellation) -> None:
    """Stops an attempt the server has cancelled."""
    key = (cancellation.task_id, cancellation.attempt)
    if cancellation.reason == task_service_pb2.CANCELLATION_REASON_TIMEOUT:
        pool.abort(key, "timeout", "it timed out")
    else:
        pool.abort(key, "cancelled", CANCELLATION_REASONS.get(cancellation.reason, "it was cancelled"))
