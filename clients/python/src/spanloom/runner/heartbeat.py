"""Keeps the leases of all attempts of a runner, with one call for all of them.

I1. A lost attempt is told to stop and is never reported; a cancelled one is told to stop and is.
I2. A call that fails changes nothing: the server may be away for longer than the leases, and whether they were lost is
    the server's to say.
I3. An attempt that is cancelled is told so within a second, also while the runner asks for no tasks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import SpanloomError
from ..rpc.connection import Connection
from ..rpc.http_pool import CallScope
from ..v1 import task_service_pb2
from .attempt import Attempt
from .attempt_pool import AttemptPool
from .lease_loop import abort_cancelled

# How long a cancellation may stay unheard: what a server promises of polls. None is made while all slots are taken.
UNHEARD_SECONDS = 1.0


@dataclass(frozen=True)
class HeartbeatOptions:
    """What a heartbeat takes. Units: ``interval`` seconds, a third of the lease."""

    connection: Connection
    runner_id: str
    pool: AttemptPool
    # Attempts that ended here and that the server may not know of; their leases are kept too.
    unreported: Callable[[], list[Attempt]]
    interval: float
    # Whether a poll waits at the server, whose answer tells of cancellations as soon as there are any.
    is_polling: Callable[[], bool]
    drained: Callable[[], None]
    log: Callable[[str], None]


class Heartbeat:
    """See the top of the module."""

    def __init__(self, options: HeartbeatOptions) -> None:
        self._options = options
        self._scope = CallScope()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="spanloom-heartbeat", daemon=True)

    def start(self) -> None:
        """Begins, with a call at once: it tells the server what the runner's clock says."""
        self._thread.start()

    def stop(self) -> None:
        """Ends. Safe to call twice."""
        self._scope.cancel()

    def beat(self) -> bool:
        """Makes one call now; gives whether the server answered."""
        options = self._options
        attempts = {attempt.key: attempt for attempt in (*options.pool.held, *options.unreported())}
        request = task_service_pb2.HeartbeatRequest(
            runner_id=options.runner_id,
            running=[
                task_service_pb2.RunningAttempt(
                    task_id=each.task.task_id,
                    attempt=each.task.attempt,
                    lease_token=each.task.lease_token,
                    progress=each.progress,
                )
                for each in attempts.values()
            ],
            sent_at_unix_nano=time.time_ns(),
        )
        try:
            # Twice the interval: on a busy machine a late answer still keeps leases of three intervals.
            answer = options.connection.unary(
                "TaskService/Heartbeat",
                request,
                task_service_pb2.HeartbeatResponse,
                timeout=options.interval * 2,
                scope=self._scope,
            )
        except SpanloomError as error:
            # The next one comes sooner, and the lease loop tells of an outage (I2).
            self._tell(error)
            return False
        except Exception as error:
            # A defect of this package: the thread that keeps all leases goes on.
            self._tell(error)
            return False
        self._received(answer)
        return True

    def _tell(self, error: Exception) -> None:
        if not self._failing and not self._scope.cancelled:
            self._options.log(f"heartbeat failed: {error}")

    def _received(self, answer: task_service_pb2.HeartbeatResponse) -> None:
        pool, log = self._options.pool, self._options.log
        for each in answer.lost:
            # One that was reported while the call was under way is no longer held, and rightly without a lease.
            if pool.abort((each.task_id, each.attempt), "lease_lost", "its lease was lost"):
                log(f"lost the lease of task {each.task_id}, attempt {each.attempt}")
        for cancelled in answer.cancelled:
            abort_cancelled(pool, cancelled)
        if answer.drain:
            self._options.drained()

    def _run(self) -> None:
        """One is due an interval after the last began, however long that took; sooner when it failed, or for I3."""
        interval, pool = self._options.interval, self._options.pool
        due = 0.0
        while not self._scope.cancelled:
            began = time.monotonic()
            if began >= due or (pool.held and not self._options.is_polling()):
                self._failing = not self.beat()
                due = time.monotonic() + interval / 4 if self._failing else began + interval
            self._scope.wait(max(0.0, min(due - time.monotonic(), UNHEARD_SECONDS)))
