"""The runner's program."""

from __future__ import annotations

import os
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


SCRIPT = """
import sys, os
from spanloom import Client, Runner, task

@task
def where(n: int) -> list[int]:
    return [n, os.getpid()]

if __name__ == "__main__":
    url, queue = sys.argv[1:]
    with Client(url) as client, Runner(url, tasks=[where], queues=[queue], pool="processes", concurrency=1):
        n, pid = client.jobs.submit(where, 5, queue=queue).result(timeout=60)
        print(n, pid != os.getpid())
"""


def test_runs_tasks_of_a_script_in_processes(server: Server, queue: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), server.url, queue]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False)
    assert (done.stdout, done.stderr) == ("5 True\n", "")


SWITCHED_OFF = """
import sys
from opentelemetry import trace
from spanloom import Client, Runner
from tests.tasks import traced, double
url, queue = sys.argv[1:]
with Client(url) as client, Runner(url, tasks=[traced, double], queues=[queue]):
    job = client.jobs.submit(traced, 1, queue=queue).wait(timeout=60)
    print(job.id)
"""


def test_records_nothing_when_opentelemetry_is_switched_off(server: Server, client: Client, queue: str) -> None:
    command = [sys.executable, "-c", SWITCHED_OFF, server.url, queue]
    environment = {**os.environ, "OTEL_SDK_DISABLED": "true"}
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=90, check=False)
    job_id = done.stdout.strip()
    assert job_id, done.stderr
    types = client.query_spans(job=job_id).columns("type").to_arrow().column("type").to_pylist()
    assert sorted(types) == ["attempt"] * 3 + ["job"] + ["task"] * 3
    assert client.query_logs(job=job_id).to_arrow().num_rows == 0
