"""The runner's program."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spanloom import Client
from spanloom.runner.command_line import main

from .conftest import Server
from .tasks import process_id

HERE = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("pool", ["threads", "processes"])
def test_runs_the_tasks_of_a_module_until_a_signal(server: Server, client: Client, queue: str, pool: str) -> None:
    command = [sys.executable, "-m", "spanloom.runner", "tests.tasks", "--queue", queue, "--pool", pool]
    environment = {"SPANLOOM_URL": server.url, "PATH": "/usr/bin:/bin"}
    program = subprocess.Popen(command, cwd=HERE, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        pid = client.jobs.submit(process_id, queue=queue).result(timeout=60)
        assert (pid == program.pid) == (pool == "threads")
        program.send_signal(signal.SIGTERM)
        _, said = program.communicate(timeout=60)
    finally:
        program.kill()
    assert program.returncode == 0
    assert said.splitlines()[-1].endswith("has stopped")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_module"], "cannot load module \"no_such_module\": No module named 'no_such_module'; name it as"),
        (["json"], 'cannot load module "json": it has no function with @task'),
        (["tests.tasks", "--concurrency", "0"], "cannot make a runner: concurrency is 0, must be a whole number"),
        (["tests.tasks", "--url", "ftp://x"], 'cannot connect to "ftp://x": the URL must start with http://'),
    ],
)
def test_says_what_is_wrong_with_its_arguments(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments, {}) == 2
    assert message in capsys.readouterr().err
