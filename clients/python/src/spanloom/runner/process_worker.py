"""The program of a worker process: runs one attempt at a time, and tells its runner everything.

It ends with its pipe, however its runner ended.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection as Pipe
from typing import Any

from ..rpc.connection import Connection
from ..task import Task
from ..tracing.attempt_tracing import TracingHost
from ..tracing.log_handler import capture_logging
from ..tracing.records import Entries
from ..tracing.telemetry_buffer import TelemetryBudget
from ..tracing.tracer import process_provider, runner_resource, runner_tracer
from ..v1 import task_pb2
from .attempt import Attempt
from .dependencies import dependency_reader
from .execute import ExecuteServices
from .process_executor import ProcessSettings
from .showing import Showing
from .task_registry import TaskRegistry
from .task_result import Outcome, released
from .thread_executor import ThreadExecutor, ThreadRun
from .timers import Timers


def work(settings: ProcessSettings, tasks: Sequence[Task[Any, Any]], pipe: Pipe) -> None:
    """Until the pipe ends."""
    # The runner decides when this ends: signals for its group are for the runner alone.
    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    worker = _Worker(settings, tasks, pipe)
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            # Code that goes on counts for nothing: its runner is gone.
            os._exit(0)
        worker.received(message)


class _Worker:
    """Runs what it is given."""

    def __init__(self, settings: ProcessSettings, tasks: Sequence[Task[Any, Any]], pipe: Pipe) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._registry = TaskRegistry(tasks)
        self._budget = TelemetryBudget(settings.max_telemetry_bytes)
        self._attempt: Attempt | None = None
        connection = Connection(settings.url, settings.token)
        resource = runner_resource(settings.runner_id, settings.service_name, settings.service_version)
        provider = process_provider(resource)
        host = TracingHost(
            settings.runner_id, resource, provider.resource, self._budget, self._send_entries, settings.tracing
        )
        tracer = runner_tracer(provider, enabled=settings.tracing, register=settings.register_global_tracing)
        services = ExecuteServices(tracer, host, dependency_reader(connection), settings.max_output_bytes)
        self._executor = ThreadExecutor(services)
        Showing(host, lambda: self._executor.under_way, self._send_entries).start(Timers())
        if settings.capture_logging and settings.tracing:
            capture_logging()

    def received(self, message: tuple[Any, ...]) -> None:
        """The runner said something."""
        kind, *rest = message
        if kind == "end":
            os._exit(0)
        if kind == "run":
            self._run(task_pb2.LeasedTask.FromString(rest[0]))
        elif kind == "abort" and self._attempt is not None and self._attempt.key == rest[0]:
            self._attempt.abort(rest[1], rest[2])

    def _run(self, task: task_pb2.LeasedTask) -> None:
        attempt = Attempt(task, self._registry.find(task.identifier))
        attempt.start()
        attempt.on_progress = lambda progress: self._send(("progress", progress.SerializeToString()))
        self._attempt = attempt
        run = self._executor.prepare(attempt)
        if attempt.definition is None:
            self._done(attempt, run, released(task_pb2.RELEASE_REASON_UNKNOWN_IDENTIFIER))
        else:
            run.start(lambda outcome: self._done(attempt, run, outcome))

    def _done(self, attempt: Attempt, run: ThreadRun, outcome: Outcome) -> None:
        attempt.settle()
        result, entries = run.finish(outcome)
        self._send_entries(entries)
        assert result is not None
        self._send(("done", result.SerializeToString()))

    def _send_entries(self, entries: Entries) -> None:
        if entries:
            self._send(("entries", entries))
            self._budget.release(entries.size)

    def _send(self, message: object) -> None:
        with self._lock:
            try:
                self._pipe.send(message)
            except OSError:
                # The runner is gone; the main thread finds out as well.
                os._exit(0)
