"""Runs attempts in threads of this process: plain functions each in one, async functions on one event loop."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable

from ..tracing.records import Entries
from ..v1 import task_pb2
from .attempt import Attempt
from .execute import ExecuteServices, Execution
from .task_result import Outcome

# How long a thread waits for work before it ends.
IDLE_SECONDS = 30.0

Work = Callable[[], None]


class ThreadExecutor:
    """Concurrency: safe from any thread. Threads are made as they are needed, and end when they are not."""

    def __init__(self, services: ExecuteServices) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._idle = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way: set[Execution] = set()

    @property
    def under_way(self) -> list[Execution]:
        """Code that runs."""
        with self._lock:
            return list(self._under_way)

    def prepare(self, attempt: Attempt) -> ThreadRun:
        """Makes ready what runs the code of an attempt."""
        return ThreadRun(self, Execution(attempt, self._services))

    def close(self) -> None:
        """Ends idle threads and the event loop. Safe to call twice."""
        with self._lock:
            loop, self._loop = self._loop, None
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._work.put(None)
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def note(self, execution: Execution, *, runs: bool) -> None:
        """Code begins, or has ended."""
        with self._lock:
            if runs:
                self._under_way.add(execution)
            else:
                self._under_way.discard(execution)

    def run_in_thread(self, work: Work) -> None:
        """Runs a plain function."""
        with self._lock:
            needs_thread = self._idle <= 0
            if not needs_thread:
                self._idle -= 1
        if needs_thread:
            # A daemon: code that goes on after it was abandoned must not keep the process.
            threading.Thread(target=self._serve, args=(work,), name="spanloom-task", daemon=True).start()
        else:
            self._work.put(work)

    def run_async(self, execution: Execution, done: Callable[[Outcome], None]) -> None:
        """Runs an async function."""
        loop = self._event_loop()

        def start() -> None:
            task = contextvars.Context().run(loop.create_task, execution.run_async())
            task.add_done_callback(lambda ended: done(_outcome_of(ended, execution)))
            execution.attempt.listen(lambda _: _cancel_soon(loop, task))

        loop.call_soon_threadsafe(start)

    def _serve(self, first: Work) -> None:
        work: Work | None = first
        while work is not None:
            work()
            with self._lock:
                self._idle += 1
            try:
                work = self._work.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._idle > 0:
                        self._idle -= 1
                        return
                # All idle threads were counted on: work for this one is on its way.
                work = self._work.get()

    def _event_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_run_loop, args=(self._loop,), name="spanloom-async", daemon=True).start()
            return self._loop


class ThreadRun:
    """The code of one attempt in this process."""

    def __init__(self, executor: ThreadExecutor, execution: Execution) -> None:
        self._executor = executor
        self._execution = execution

    def start(self, done: Callable[[Outcome], None]) -> None:
        """Starts it, and calls ``done`` once it has ended."""
        self._executor.note(self._execution, runs=True)
        definition = self._execution.attempt.definition
        if definition is not None and definition.is_async:
            self._executor.run_async(self._execution, done)
        else:
            self._executor.run_in_thread(lambda: done(self._execution.run()))

    def finish(self, outcome: Outcome) -> tuple[task_pb2.TaskResult | None, Entries]:
        """Makes the result of the attempt."""
        self._executor.note(self._execution, runs=False)
        return self._execution.finish(outcome)


def _cancel_soon(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Outcome]) -> None:
    loop.call_soon_threadsafe(task.cancel)


def _outcome_of(task: asyncio.Task[Outcome], execution: Execution) -> Outcome:
    # A task that was cancelled before it began never came to its own handler.
    return execution.outcome_of(asyncio.CancelledError()) if task.cancelled() else task.result()


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()
