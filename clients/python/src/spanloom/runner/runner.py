"""Leases tasks, runs them, traces them and reports what became of them.

  new --start--> starting --registered--> running --stop--> stopping --> stopped

stopping: leases nothing; gives waiting tasks back; lets attempts finish within ``grace``, then stops and gives back
what is left; reports everything; unregisters.

I1. A task is reported at most once by this runner, and only while it holds the lease.
I2. A server that is away for minutes costs time, not results.
I3. Telemetry never fails or delays the work.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from ..durations import from_duration
from ..errors import SpanloomError
from ..ids import new_id
from ..rpc.connection import Connection
from ..rpc.http_pool import CallScope
from ..rpc.retry import call_with_retry
from ..task import Task
from ..tracing.attempt_tracing import TracingHost
from ..tracing.log_handler import capture_logging
from ..tracing.records import Entries
from ..tracing.telemetry_buffer import TelemetryBudget
from ..tracing.tracer import process_provider, runner_resource, runner_tracer
from ..v1 import runner_service_pb2, task_pb2
from ..version import VERSION
from .attempt import Attempt
from .attempt_pool import AttemptPool, PoolOptions
from .dependencies import dependency_reader
from .execute import ExecuteServices
from .guard import GuardSettings, HeartbeatGuard
from .heartbeat import Heartbeat, HeartbeatOptions
from .lease_loop import LeaseLoop, LeaseLoopOptions
from .options import RunnerOptions, check_options
from .process_executor import ProcessExecutor, ProcessSettings
from .result_store import ResultStore
from .showing import Showing
from .task_registry import TaskRegistry
from .thread_executor import ThreadExecutor
from .timers import Timers

DEFAULT_MAX_OUTPUT_BYTES = 256 * 1024
# How long attempts that were told to stop have to end before they are given back at shutdown.
ABORT_SECONDS = 1.0
# How long results and telemetry may take to leave at shutdown.
FLUSH_SECONDS = 5.0
# How long a task may wait here for a slot while others might run it.
MAX_WAIT_SECONDS = 1.0
# Exit status of a process that a second signal ends.
EXIT_SIGNALLED = 128


@dataclass
class _Parts:
    """What a running runner consists of."""

    pool: AttemptPool
    store: ResultStore
    loop: LeaseLoop
    heartbeat: Heartbeat
    guard: HeartbeatGuard | None
    executor: ThreadExecutor | ProcessExecutor
    timers: Timers
    budget: TelemetryBudget


class Runner:
    """Runs tasks; see the top of the module.

    Further options are those of :class:`RunnerOptions`.

    Concurrency: any number in a process; start() and stop() are safe from any thread and to call twice.
    """

    def __init__(
        self, url: str | None = None, *, tasks: Iterable[Task[Any, Any]], token: str | None = None, **options: Any
    ) -> None:
        self._options = check_options(options)
        self._registry = TaskRegistry(tasks)
        self._connection = Connection(url, token)
        self._starting = CallScope()
        self._lock = threading.RLock()
        self._parts: _Parts | None = None
        self._started = False
        self._stopped = False
        self._release_logging: Callable[[], None] | None = None
        self.id = new_id()
        # Set when the server has asked the runner to finish what it has; it leases nothing from then on.
        self.drained = threading.Event()

    def __enter__(self) -> Runner:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return self._connection.url

    def start(self) -> None:
        """Registers and begins to lease; returns once the server knows the runner. Safe to call twice.

        A server that cannot be reached is tried again until :meth:`stop`.

        Errors: whatever the server refuses the runner for, e.g. UNAUTHENTICATED; INVALID_STATE after stop().
        """
        with self._lock:
            if self._started and not self._stopped:
                return
            if self._stopped:
                raise SpanloomError("INVALID_STATE", f"cannot start runner {self.id}: it was stopped")
            self._started = True
        try:
            registered = self._register()
        except BaseException:
            self._started = False
            raise
        with self._lock:
            if self._stopped:
                return
            self._parts = parts = self._assemble(registered)
        if self._options.capture_logging and self._options.records:
            self._release_logging = capture_logging()
        if parts.guard is not None:
            parts.guard.start()
            parts.timers.every(parts.guard.tick_seconds, parts.guard.tick)
        parts.heartbeat.start()
        parts.loop.start()
        parts.timers.every(MAX_WAIT_SECONDS, lambda: parts.pool.release_stale(time.monotonic() - MAX_WAIT_SECONDS))
        names = ", ".join(each.name for each in self._registry.identifiers)
        self._options.write(f"runner {self.id} is ready: leasing {names} from {', '.join(self._options.queues)}")

    def stop(self) -> None:
        """Stops, and returns when nothing is left to do. Safe to call twice, and before start()."""
        self._starting.cancel()
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            parts = self._parts
        if parts is not None:
            self._wind_down(parts)
        if self._release_logging is not None:
            self._release_logging()
        self._connection.close()
        self._options.write(f"runner {self.id} has stopped")

    def run(self) -> None:
        """Starts, and runs until SIGTERM or SIGINT, or until the server asks the runner to drain.

        The first signal stops gracefully, a second ends the process. Call it from the main thread.
        """
        asked = threading.Event()

        def on_signal(number: int, _: FrameType | None) -> None:
            if asked.is_set():
                os._exit(EXIT_SIGNALLED + number)
            asked.set()
            self._starting.cancel()

        before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.start()
            while not asked.is_set() and not self.drained.is_set():
                asked.wait(0.5)
        except SpanloomError:
            # A signal while the server could not be reached is no failure.
            if not asked.is_set():
                raise
        finally:
            if asked.is_set():
                self._options.write(f"runner {self.id} is stopping; a second signal ends it at once")
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _register(self) -> runner_service_pb2.RegisterRunnerResponse:
        options = self._options
        runner = runner_service_pb2.Runner(
            id=self.id,
            host=socket.gethostname(),
            pid=os.getpid(),
            sdk_name="spanloom-python",
            sdk_version=VERSION,
            service_name=options.service_name or "",
            service_version=options.service_version or "",
            queues=options.queues,
            identifiers=self._registry.identifiers,
            capacity=options.concurrency,
        )
        request = runner_service_pb2.RegisterRunnerRequest(runner=runner)
        answer = runner_service_pb2.RegisterRunnerResponse
        told = False

        def on_retry(error: SpanloomError, _: float) -> None:
            nonlocal told
            if not told:
                options.write(f"{error}; trying again")
            told = True

        return call_with_retry(
            lambda: self._connection.unary("RunnerService/RegisterRunner", request, answer, scope=self._starting),
            max_attempts=None,
            scope=self._starting,
            on_retry=on_retry,
        )

    def _assemble(self, registered: runner_service_pb2.RegisterRunnerResponse) -> _Parts:
        options = self._options
        interval = from_duration(registered.heartbeat_interval) if registered.HasField("heartbeat_interval") else 5.0
        budget = TelemetryBudget(options.max_telemetry_bytes)
        store = ResultStore(options.max_result_bytes, budget, lambda: loop.wake())  # noqa: PLW0108 - made below
        timers = Timers()
        executor = self._executor(registered.max_output_bytes or DEFAULT_MAX_OUTPUT_BYTES, store, budget, timers)
        guard = self._guard(interval)
        pool = AttemptPool(
            PoolOptions(
                executor=executor,
                timers=timers,
                concurrency=options.concurrency,
                prefetch=options.prefetch,
                abandon_after=options.seconds("abandon_after"),
                log=options.write,
                ended=lambda attempt, result, entries: _ended(store, guard, attempt, result, entries),
                freed=lambda: loop.wake(),  # noqa: PLW0108 - made below
            )
        )
        loop = LeaseLoop(
            LeaseLoopOptions(
                connection=self._connection,
                runner_id=self.id,
                queues=options.queues,
                identifiers=self._registry.identifiers,
                pool=pool,
                store=store,
                timers=timers,
                leased=lambda tasks: self._leased(tasks, pool, guard),
                acknowledged=guard.release if guard else lambda _: None,
                drained=self._drain,
                log=options.write,
            )
        )
        heartbeat = Heartbeat(
            HeartbeatOptions(
                connection=self._connection,
                runner_id=self.id,
                pool=pool,
                unreported=lambda: store.unacknowledged,
                interval=interval,
                is_polling=lambda: loop.is_polling,
                drained=self._drain,
                log=options.write,
            )
        )
        return _Parts(pool, store, loop, heartbeat, guard, executor, timers, budget)

    def _executor(
        self, max_output_bytes: int, store: ResultStore, budget: TelemetryBudget, timers: Timers
    ) -> ThreadExecutor | ProcessExecutor:
        options = self._options
        if options.pool == "processes":
            settings = ProcessSettings(
                url=self.url,
                token=self._connection.token,
                runner_id=self.id,
                service_name=options.service_name,
                service_version=options.service_version,
                tracing=options.records,
                register_global_tracing=options.register_global_tracing,
                capture_logging=options.capture_logging,
                max_telemetry_bytes=max(1024 * 1024, options.max_telemetry_bytes // options.concurrency),
                max_output_bytes=max_output_bytes,
            )
            return ProcessExecutor(settings, self._registry.tasks, budget, store.add_entries, options.write)
        resource = runner_resource(self.id, options.service_name, options.service_version)
        provider = process_provider(resource)
        host = TracingHost(self.id, resource, provider.resource, budget, store.add_entries, options.records)
        tracer = runner_tracer(provider, enabled=options.records, register=options.register_global_tracing)
        services = ExecuteServices(tracer, host, dependency_reader(self._connection), max_output_bytes)
        executor = ThreadExecutor(services)
        Showing(host, lambda: executor.under_way, store.add_entries).start(timers)
        return executor

    def _guard(self, interval: float) -> HeartbeatGuard | None:
        blocked_max = self._options.seconds("blocked_max")
        # With processes this interpreter runs none of the tasks' code.
        if blocked_max == 0 or self._options.pool == "processes":
            return None
        settings = GuardSettings(self.url, self._connection.token, self.id, interval, blocked_max)
        return HeartbeatGuard(settings, self._options.write)

    def _leased(self, tasks: Sequence[task_pb2.LeasedTask], pool: AttemptPool, guard: HeartbeatGuard | None) -> None:
        attempts = []
        for task in tasks:
            definition = self._registry.find(task.identifier)
            if definition is None:
                self._options.write(f'no code for task "{task.identifier.name}" {task.identifier.version}')
            attempts.append(Attempt(task, definition))
        if guard is not None:
            guard.hold(attempts)
        pool.accept(attempts)
        # An answer may still bring tasks after stop().
        if self._stopped:
            pool.release_waiting()

    def _drain(self) -> None:
        if self._parts is not None:
            self._parts.loop.stop_leasing()
        if not self.drained.is_set():
            self._options.write(f"runner {self.id} was asked to drain")
        self.drained.set()

    def _wind_down(self, parts: _Parts) -> None:
        parts.loop.stop_leasing()
        parts.pool.release_waiting()
        parts.pool.wait_empty(self._options.seconds("grace"))
        parts.pool.abort_all("shutdown", "the runner is stopping")
        parts.pool.wait_empty(ABORT_SECONDS)
        parts.pool.abandon_all()
        if not parts.store.wait_empty(FLUSH_SECONDS) and parts.store.unacknowledged:
            count = len(parts.store.unacknowledged)
            self._options.write(f"stopped with {count} results unreported: {self.url} did not take them")
        parts.heartbeat.stop()
        parts.timers.stop()
        parts.loop.stop()
        if parts.guard is not None:
            parts.guard.stop()
        parts.executor.close()
        if parts.budget.dropped > 0:
            self._options.write(f"dropped {parts.budget.dropped} spans and log records: over max_telemetry_bytes")
        self._unregister()

    def _unregister(self) -> None:
        request = runner_service_pb2.UnregisterRunnerRequest(runner_id=self.id)
        answer = runner_service_pb2.UnregisterRunnerResponse
        try:
            self._connection.unary("RunnerService/UnregisterRunner", request, answer, timeout=1.0)
        except SpanloomError as error:
            # The server finds out by itself when the leases end.
            self._options.write(f"could not unregister: {error}")


def _ended(
    store: ResultStore,
    guard: HeartbeatGuard | None,
    attempt: Attempt,
    result: task_pb2.TaskResult | None,
    entries: Entries,
) -> None:
    if result is not None:
        store.add(attempt, result, entries)
        return
    # Spans of a lost attempt are true all the same; the attempt's own span is the server's.
    store.add_entries(entries)
    if guard is not None:
        guard.release([attempt])


__all__ = ["Runner", "RunnerOptions"]
