"""One leased attempt, from its arrival until its slot is free again.

  queued --> running --> settled
     |          |
     +----------+--> lost, then settled

I1. An attempt settles once: its code returned or raised, or was abandoned, or it never ran. What its code does later is
    ignored.
I2. A lost attempt is never reported.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from ..context import MAX_LABELS
from ..errors import AbortKind, AttemptAborted
from ..task import Task
from ..v1 import task_pb2
from .timers import Timer

AttemptKey = tuple[str, int]


class Attempt:
    """See the top of the module. Concurrency: safe from any thread."""

    def __init__(self, task: task_pb2.LeasedTask, definition: Task[Any, Any] | None) -> None:
        self.task = task
        self.definition = definition
        self.key: AttemptKey = (task.task_id, task.attempt)
        self.leased_at = time.monotonic()
        # When it began: by the clock, which may jump, and for how long it ran.
        self.started_ns = 0
        self.started_at = 0.0
        self.state: Literal["queued", "running", "settled"] = "queued"
        self.lost = False
        # Fires at its deadline, later when it is to be abandoned; its pool's.
        self.timer: Timer | None = None
        self.display: str | None = None
        # Called once when it is told to stop, by whoever tells it.
        self.on_abort: Callable[[AttemptAborted], None] | None = None
        # Called for each change of progress, where another process must know.
        self.on_progress: Callable[[task_pb2.Progress], None] | None = None
        self._lock = threading.Lock()
        self._abort_event = threading.Event()
        self._aborted: AttemptAborted | None = None
        self._progress: dict[str, task_pb2.Progress] = {}

    @property
    def name(self) -> str:
        """Name of its task."""
        return self.task.identifier.name

    @property
    def running(self) -> bool:
        """Whether its code runs."""
        return self.state == "running"

    @property
    def aborted(self) -> AttemptAborted | None:
        """Why it was told to stop; None while it was not."""
        return self._aborted

    def start(self) -> bool:
        """It gets a slot; False when it has settled meanwhile."""
        with self._lock:
            if self.state != "queued":
                return False
            self.state = "running"
            self.started_ns = time.time_ns()
            self.started_at = time.monotonic()
            return True

    def settle(self) -> bool:
        """It ends; False when it had ended before (I1)."""
        with self._lock:
            if self.state == "settled":
                return False
            self.state = "settled"
            return True

    def drop(self) -> bool:
        """It ends before it got a slot; False when it had one."""
        with self._lock:
            if self.state != "queued":
                return False
            self.state = "settled"
            return True

    def abort(self, kind: AbortKind, why: str) -> bool:
        """Tells the code to stop; only the first reason counts. Gives whether this was the first."""
        with self._lock:
            if self._aborted is not None:
                return False
            text = f'attempt {self.task.attempt} of task "{self.name}" must stop: {why}'
            self._aborted = aborted = AttemptAborted(kind, text)
            listener = self.on_abort
        self._abort_event.set()
        if listener is not None:
            listener(aborted)
        return True

    def listen(self, listener: Callable[[AttemptAborted], None]) -> None:
        """Has ``listener`` called when it is told to stop; at once when it was."""
        with self._lock:
            self.on_abort = listener
            aborted = self._aborted
        if aborted is not None:
            listener(aborted)

    def wait_aborted(self, seconds: float) -> bool:
        """Waits until it is told to stop, at most so long; gives whether it was."""
        return self._abort_event.wait(seconds)

    def set_progress(self, progress: task_pb2.Progress) -> bool:
        """Sets one label's progress; False when there would be too many labels."""
        with self._lock:
            if len(self._progress) >= MAX_LABELS and progress.label not in self._progress:
                return False
            self._progress[progress.label] = progress
        if self.on_progress is not None:
            self.on_progress(progress)
        return True

    def set_display(self, text: str) -> None:
        """Sets the text for people."""
        self.display = text

    @property
    def progress(self) -> list[task_pb2.Progress]:
        """Progress by label."""
        with self._lock:
            return list(self._progress.values())
