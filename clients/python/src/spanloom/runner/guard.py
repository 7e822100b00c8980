"""Keeps leases while this interpreter is busy with code that lets no other thread run.

A small process of its own is told of leases over a pipe, and that the interpreter lives, several times an interval.
While
it hears nothing it sends the heartbeats, at most for ``blocked_max`` seconds; when the pipe closes, as it does however
the runner dies, it ends at once, so that leases of a dead runner are lost as they should be.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .attempt import Attempt, AttemptKey

PROGRAM = Path(__file__).with_name("guard_process.py")


@dataclass(frozen=True)
class GuardSettings:
    """What the process must know. Units: seconds."""

    url: str
    token: str | None
    runner_id: str
    interval: float
    blocked_max: float


class HeartbeatGuard:
    """See the top of the module. Concurrency: safe from any thread."""

    def __init__(self, settings: GuardSettings, log: Callable[[str], None]) -> None:
        self._settings = settings
        self._log = log
        self._lock = threading.Lock()
        self._leases: dict[AttemptKey, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    @property
    def tick_seconds(self) -> float:
        """How often :meth:`tick` is to be called."""
        return self._settings.interval / 4

    def start(self) -> None:
        """Starts the process. Safe to call twice."""
        with self._lock:
            self._start()

    def tick(self) -> None:
        """The interpreter lives; a process that has died is started again."""
        with self._lock:
            if not self._closed and self._process is None:
                self._start()
            self._send({"tick": True})

    def hold(self, attempts: Iterable[Attempt]) -> None:
        """These attempts have leases. Told before their code begins, which may never let go of the interpreter."""
        with self._lock:
            new = {each.key: base64.b64encode(each.task.lease_token).decode() for each in attempts}
            self._leases.update(new)
            self._send({"hold": _rows(new)})

    def release(self, attempts: Iterable[Attempt]) -> None:
        """These have none any longer."""
        with self._lock:
            gone = [each.key for each in attempts if self._leases.pop(each.key, None) is not None]
            if gone:
                self._send({"release": gone})

    def stop(self) -> None:
        """Ends the process. Safe to call twice."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process is not None:
            _close(process)

    def _start(self) -> None:
        if self._process is not None or self._closed or not sys.executable:
            return
        try:
            # Isolated, without the site's packages: it needs the standard library alone, and starts in a few ms.
            # In a session of its own, so that a signal for the runner's group leaves it to the runner.
            self._process = subprocess.Popen(  # noqa: S603 - our own program, by its path
                [sys.executable, "-I", "-S", str(PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            # Without it leases are kept by this interpreter's own heartbeats, as long as threads have their turn.
            self._log(f"cannot start the process that guards heartbeats: {error}")
            return
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._send({"settings": self._settings.__dict__})
        self._send({"hold": _rows(self._leases)})

    def _send(self, message: object) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        data = json.dumps(message).encode() + b"\n"
        try:
            # Unbuffered, so that it is out before the attempt's code begins.
            if os.write(process.stdin.fileno(), data) == len(data):
                return
            problem = "it does not read"
        except OSError as error:
            problem = str(error)
        # A line that was cut would spoil all others: another process is told everything anew.
        self._log(f"the process that guards heartbeats is started again: {problem}")
        self._process = None
        _close(process, kill=True)


def _rows(leases: dict[AttemptKey, str]) -> list[tuple[str, int, str]]:
    return [(task_id, attempt, token) for (task_id, attempt), token in leases.items()]


def _close(process: subprocess.Popen[bytes], *, kill: bool = False) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if kill:
        process.kill()
    try:
        process.wait(2.0)
    except subprocess.TimeoutExpired:
        # It ends with its pipe; one that hangs is ended.
        process.kill()
        process.wait()
