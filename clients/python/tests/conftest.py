"""A real server for tests: one for the session, and others for tests that stop it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spanloom import Client, Runner, Task

ROOT = Path(__file__).resolve().parents[3]
NODE = ROOT / "node_modules" / ".bin" / "node"
SERVER = ROOT / "packages" / "server" / "src" / "bin" / "spanloom-server.ts"
DEADLINE = 60.0


def node() -> str:
    """Node as the repository pins it, else whatever is on PATH."""
    found = str(NODE) if NODE.exists() else shutil.which("node")
    if found is None:
        pytest.skip("there is no Node: run npm test once, which installs it")
    return found


class Server:
    """A server process. Stopping and starting it again keeps its port and its data."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        self._flags = flags
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> Server:
        command = [node(), str(SERVER), "--data-dir", str(self.data), "--port", str(self._port), *self._flags]
        log = (self.data.parent / f"{self.data.name}.log").open("a")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match = re.search(r"listening on (https?://\S+:(\d+))", line)
            if match:
                self.url, self._port = match[1], int(match[2])
                return self
        raise AssertionError(f"the server did not start; see {log.name}")

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that leave it alone; leases are short, so that lost ones are soon found."""
    started = Server(tmp_path_factory.mktemp("server") / "data", "--default-lease-ms", "3000").start()
    yield started
    started.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may stop."""
    started = Server(tmp_path / "data", "--default-lease-ms", "3000").start()
    yield started
    started.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url) as made:
        yield made


@pytest.fixture
def queue(request: pytest.FixtureRequest) -> str:
    """A queue of the test's own, so that no other test's runner takes its tasks."""
    return f"{request.node.name}-{os.getpid()}"[:200]


StartRunner = Callable[..., Runner]


@pytest.fixture
def start_runner(server: Server, queue: str) -> Iterator[StartRunner]:
    """Starts runners in this process, which are stopped after the test."""
    runners: list[Runner] = []
    lines: list[str] = []

    def start(*tasks: Task[Any, Any], **options: Any) -> Runner:
        runner = Runner(
            options.pop("url", server.url), tasks=tasks, **{"queues": [queue], "log": lines.append, **options}
        )
        runner.start()
        runners.append(runner)
        return runner

    yield start
    for runner in runners:
        runner.stop()


def until(condition: Callable[[], Any], what: str = "it") -> Any:
    """Polls until a condition holds, and gives its value; fails when it does not come to that."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {DEADLINE:g} s for {what}")
