"""Runs attempts in processes, one attempt at a time in each.

Leases, heartbeats and reports stay here; a process is given an attempt over a pipe, and gives back its spans, logs and
progress as they come, and its result.

I1. A process whose attempt goes on after its slot was taken is killed: nothing of it stays.
I2. A process that dies fails its attempt, and nothing else; what it had sent is kept.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Any

from ..errors import AttemptAborted
from ..task import Task
from ..tracing.records import Entries
from ..tracing.telemetry_buffer import TelemetryBudget
from ..v1 import task_pb2
from .attempt import Attempt
from .task_result import Outcome, failed, to_result

# Not fork: this process has threads, whose locks a fork would copy as they happen to be.
_SPAWN = multiprocessing.get_context("spawn")

# How long a process that was told to end may take.
CLOSE_SECONDS = 2.0


@dataclass(frozen=True)
class ProcessSettings:
    """What a process must know."""

    url: str
    token: str | None
    runner_id: str
    service_name: str | None
    service_version: str | None
    tracing: bool
    register_global_tracing: bool
    capture_logging: bool
    max_telemetry_bytes: int
    max_output_bytes: int


class ProcessExecutor:
    """See the top of the module. Concurrency: safe from any thread. Processes are made as they are needed, and kept."""

    def __init__(
        self,
        settings: ProcessSettings,
        tasks: Sequence[Task[Any, Any]],
        budget: TelemetryBudget,
        send: Callable[[Entries], None],
        log: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.tasks = tasks
        self.budget = budget
        self.send = send
        self.log = log
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()

    def prepare(self, attempt: Attempt) -> ProcessRun:
        """Makes ready what runs the code of an attempt."""
        return ProcessRun(self, attempt)

    def close(self) -> None:
        """Ends all processes. Safe to call twice."""
        with self._lock:
            workers, self._all, self._idle = list(self._all), set(), []
        for worker in workers:
            worker.tell_to_end()
        for worker in workers:
            worker.close()

    def take(self) -> WorkerProcess:
        """A process that does nothing."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = WorkerProcess(self)
        with self._lock:
            self._all.add(worker)
        return worker

    def give_back(self, worker: WorkerProcess) -> None:
        """It does nothing again."""
        with self._lock:
            if worker in self._all:
                self._idle.append(worker)

    def forget(self, worker: WorkerProcess) -> None:
        """It is gone."""
        with self._lock:
            self._all.discard(worker)
            if worker in self._idle:
                self._idle.remove(worker)

    def received(self, entries: Entries, run: ProcessRun | None) -> None:
        """Spans and logs have come; they take their place in the budget of the runner."""
        if not entries:
            return
        if self.budget.take(entries.size):
            self.send(entries)
            return
        self.budget.count_dropped(len(entries))
        if run is not None:
            run.dropped += len(entries)


class ProcessRun:
    """The code of one attempt in a process."""

    def __init__(self, executor: ProcessExecutor, attempt: Attempt) -> None:
        self.attempt = attempt
        self.dropped = 0
        self._executor = executor
        self._worker: WorkerProcess | None = None
        self._done: Callable[[Outcome], None] | None = None
        self._result: task_pb2.TaskResult | None = None

    def start(self, done: Callable[[Outcome], None]) -> None:
        """Starts it, and calls ``done`` once it has ended."""
        self._done = done
        self._worker = worker = self._executor.take()
        worker.run(self)
        # It may have ended by now, and the process have another attempt: only what it runs is told to stop.
        self.attempt.listen(lambda aborted: worker.abort(self, aborted))

    def ended(self, result: task_pb2.TaskResult) -> None:
        """The process has reported."""
        result.dropped_telemetry += self.dropped
        self._result = result
        assert self._done is not None
        kind = result.WhichOneof("outcome") or "released"
        self._done(getattr(result, kind))

    def died(self, why: str) -> None:
        """The process has ended without a report (I2)."""
        assert self._done is not None
        message = f'the process that ran task "{self.attempt.name}" died: {why}'
        self._done(failed(task_pb2.TaskFailure(type="WorkerProcessDied", message=message)))

    def finish(self, outcome: Outcome) -> tuple[task_pb2.TaskResult | None, Entries]:
        """Makes the result of the attempt."""
        worker, self._worker = self._worker, None
        if self._result is None and worker is not None:
            worker.kill()
        if self.attempt.lost:
            return None, Entries()
        return self._result or to_result(self.attempt, outcome), Entries()


class WorkerProcess:
    """One process, and the thread that reads what it says."""

    def __init__(self, executor: ProcessExecutor) -> None:
        # Here, not above: the process imports it as its own program.
        from .process_worker import work  # noqa: PLC0415

        self._executor = executor
        self._lock = threading.Lock()
        self._pipe: Pipe
        self._pipe, theirs = _SPAWN.Pipe()
        self._run: ProcessRun | None = None
        self._process = _SPAWN.Process(
            target=work, args=(executor.settings, list(executor.tasks), theirs), name="spanloom-worker", daemon=True
        )
        self._process.start()
        theirs.close()
        threading.Thread(target=self._read, name="spanloom-worker-reader", daemon=True).start()

    def run(self, run: ProcessRun) -> None:
        """Gives it an attempt."""
        self._run = run
        self._send(("run", run.attempt.task.SerializeToString(), run.attempt.started_ns))

    def abort(self, run: ProcessRun, aborted: AttemptAborted) -> None:
        """Tells an attempt to stop, if that is what it runs."""
        if self._run is not run:
            return
        try:
            self._send(("abort", run.attempt.key, aborted.kind, str(aborted)))
        except OSError:
            # It is gone, which its reader tells.
            return

    def kill(self) -> None:
        """Ends it, whatever its code does (I1)."""
        self._run = None
        self._executor.forget(self)
        self._process.kill()

    def tell_to_end(self) -> None:
        """Asks it to end; it does nothing, or what it does counts for nothing."""
        self._run = None
        try:
            self._send(("end",))
        except OSError:
            # It has ended.
            return

    def close(self) -> None:
        """Ends it, by force where it does not end."""
        self._process.join(CLOSE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _send(self, message: object) -> None:
        with self._lock:
            self._pipe.send(message)

    def _read(self) -> None:
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                break
            self._received(message)
        self._executor.forget(self)
        run, self._run = self._run, None
        if run is not None:
            self._process.join(CLOSE_SECONDS)
            run.died(describe_exit(self._process.exitcode))

    def _received(self, message: tuple[str, Any]) -> None:
        kind, value = message
        run = self._run
        if kind == "entries":
            self._executor.received(value, run)
        elif run is None:
            # Of an attempt that was given up.
            return
        elif kind == "progress":
            run.attempt.set_progress(task_pb2.Progress.FromString(value))
        elif kind == "done":
            self._run = None
            # Free before its result is told, which may bring the next attempt.
            self._executor.give_back(self)
            run.ended(task_pb2.TaskResult.FromString(value))


def describe_exit(code: int | None) -> str:
    """What became of a process."""
    if code is None:
        return "it closed its pipe"
    return f"signal {-code}" if code < 0 else f"exit status {code}"
