"""What may go wrong: killed runners, busy interpreters, lost answers, servers that go away."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spanloom import Client, Runner, SpanloomError, TaskContext, task

from .conftest import Server, StartRunner, until
from .dropping_proxy import DroppingProxy
from .tasks import Place, busy, double, dying, marking, spanned_parent

HERE = Path(__file__).resolve().parent.parent
StartProgram = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start_program(server: Server, queue: str) -> Iterator[StartProgram]:
    """Starts runners in processes of their own, which are killed after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.runner_program", server.url, queue, *arguments]
        program = subprocess.Popen(command, cwd=HERE, stderr=subprocess.PIPE, start_new_session=True)
        assert program.stderr is not None
        for line in program.stderr:
            if b"is ready" in line:
                break
        started.append(program)
        return program

    yield start
    for program in started:
        program.kill()
        program.wait()


def outcomes(client: Client, job_id: str) -> list[str]:
    return [attempt.outcome for attempt in next(client.jobs.tasks(job_id)).attempts]


def test_runs_again_what_a_killed_runner_held_and_keeps_its_spans(
    client: Client, queue: str, start_program: StartProgram, tmp_path: Path
) -> None:
    start_program()
    handle = client.jobs.submit(dying, Place(str(tmp_path / "pid"), 2.5), queue=queue)
    until((tmp_path / "pid").exists, "the runner to die")
    start_program()
    job = handle.wait(timeout=60)
    assert (job.state, job.output) == ("SUCCEEDED", 2)
    assert outcomes(client, job.id) == ["LOST", "SUCCESS"]
    names = client.query_spans(job=job.id, type="user").to_arrow().column("name").to_pylist()
    # The one that was open is closed by the server.
    assert sorted(names) == ["before", "during"]


def test_has_one_result_and_its_spans_of_each_task_however_often_runners_are_killed(
    client: Client, queue: str, start_program: StartProgram
) -> None:
    count = 600
    handle = client.jobs.submit(spanned_parent, count, queue=queue)
    programs = [start_program(), start_program()]
    kills = 0
    while not client.jobs.get(handle.id).ended:
        if kills < 5 and client.jobs.get(handle.id).counts.succeeded > kills * count / 6:
            programs[kills % 2].kill()
            programs[kills % 2] = start_program()
            kills += 1
    job = client.jobs.get(handle.id)
    assert (job.state, job.counts.succeeded, kills) == ("SUCCEEDED", count + 1, 5)
    rows = client.query_spans(job=job.id, type=["attempt", "user"]).to_arrow().to_pylist()
    succeeded = {row["span_id"] for row in rows if row["outcome"] == "success" and row["name"] == "spanned"}
    parents = [row["parent_span_id"] for row in rows if row["type"] == "user"]
    assert len(succeeded) == count
    assert sorted(parent for parent in parents if parent in succeeded) == sorted(succeeded)


def test_leaves_no_guard_behind_when_it_is_killed(start_program: StartProgram) -> None:
    program = start_program()
    (guard,) = until(lambda: children_of(program.pid), "the guard")
    program.kill()
    program.wait()
    until(lambda: not Path(f"/proc/{guard}").exists() or is_zombie(guard), "the guard to end")


def children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[-1].startswith("Z")
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(("blocked_max", "expected"), [(300.0, ["SUCCESS"]), (0.0, ["LOST", "SUCCESS"])])
def test_keeps_its_leases_while_the_interpreter_is_busy(
    client: Client, queue: str, start_runner: StartRunner, blocked_max: float, expected: list[str]
) -> None:
    # Twice as long as a lease; without the guard it is lost, so this does show what keeps it.
    start_runner(busy, blocked_max=blocked_max, concurrency=1)
    job = client.jobs.submit(busy, 7.0, queue=queue).wait(timeout=60)
    assert job.state == "SUCCEEDED"
    assert outcomes(client, job.id) == expected


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_keeps_spans_within_their_attempt_when_the_clock_jumps(
    client: Client, queue: str, start_runner: StartRunner, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    shift = 0
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + shift)

    @task
    def jumping(ctx: TaskContext) -> None:
        nonlocal shift
        with ctx.span("over"):
            with ctx.span("before"):
                shift = int(jump * 1e9)
            with ctx.span("after"):
                ctx.log.info("jumped")

    # Several, so that what the runner learns of how long tasks take has seen the jump.
    start_runner(jumping, concurrency=1)
    jobs = client.jobs.wait_all([client.jobs.submit(jumping, queue=queue).id for _ in range(3)], timeout=60)
    assert [job.state for job in jobs] == ["SUCCEEDED"] * 3
    for job in jobs:
        rows = client.query_spans(job=job.id).to_arrow().to_pylist()
        assert {row["name"] for row in rows} >= {"over", "before", "after"}
        [attempt] = [row for row in rows if row["type"] == "attempt"]
        for row in rows:
            assert row["duration_ns"] >= 0
            if row["type"] == "user":
                assert attempt["start_time"] <= row["start_time"] <= row["end_time"] <= attempt["end_time"]


def test_stops_gracefully_on_sigterm(client: Client, queue: str, start_program: StartProgram, tmp_path: Path) -> None:
    program = start_program()
    handle = client.jobs.submit(marking, Place(str(tmp_path / "sign"), 1.0), queue=queue)
    until((tmp_path / "sign").exists)
    program.send_signal(signal.SIGTERM)
    assert program.wait(30) == 0
    job = client.jobs.get(handle.id)
    assert (job.state, job.output) == ("SUCCEEDED", 1)


def test_ends_at_a_second_signal(client: Client, queue: str, start_program: StartProgram, tmp_path: Path) -> None:
    program = start_program()
    client.jobs.submit(marking, Place(str(tmp_path / "sign"), 60.0), queue=queue)
    until((tmp_path / "sign").exists)
    program.send_signal(signal.SIGTERM)
    assert program.stderr is not None
    until(lambda: b"is stopping" in program.stderr.readline(), "the first signal to be noticed")  # type: ignore[union-attr]
    program.send_signal(signal.SIGINT)
    assert program.wait(30) == 128 + signal.SIGINT


def test_loses_no_result_while_answers_are_lost(
    client: Client, server: Server, queue: str, start_runner: StartRunner
) -> None:
    with DroppingProxy(server.url, every=3) as proxy:
        start_runner(double, url=proxy.url, concurrency=4)
        handles = client.jobs.submit_many(double, list(range(300)), queue=queue)
        jobs = client.jobs.wait_all([handle.id for handle in handles], timeout=60)
        assert [job.output for job in jobs] == [2 * n for n in range(300)]
        assert proxy.dropped > 0
    # A lost answer to a poll may lose leases, and never costs a second success.
    for job in jobs:
        assert outcomes(client, job.id).count("SUCCESS") == 1


def test_submits_once_while_answers_are_lost(server: Server, client: Client, queue: str) -> None:
    with DroppingProxy(server.url, every=2) as proxy, Client(proxy.url) as losing:
        for n in range(20):
            losing.jobs.submit(double, n, queue=queue, tags={"of": queue})
        assert proxy.dropped > 0
    assert client.jobs.count(tags={"of": queue}) == {"QUEUED": 20}


def test_goes_on_when_the_server_comes_back(own_server: Server, queue: str, tmp_path: Path) -> None:
    lines: list[str] = []
    with (
        Client(own_server.url) as client,
        Runner(own_server.url, tasks=[marking, double], queues=[queue], log=lines.append),
    ):
        handle = client.jobs.submit(marking, Place(str(tmp_path / "sign"), 1.0), queue=queue)
        until((tmp_path / "sign").exists)
        own_server.stop(signal.SIGKILL)
        until(lambda: any("trying again" in line for line in lines), "the runner to notice")
        own_server.start()
        job = handle.wait(timeout=60)
        assert (job.state, job.output) == ("SUCCEEDED", 1)
        assert client.query_spans(job=job.id, name="marked").to_arrow().num_rows == 1
        assert client.jobs.submit(double, 4, queue=queue).result(timeout=30) == 8
    assert any("reached the server" in line for line in lines)


def test_tells_what_is_wrong_when_no_server_answers() -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(SpanloomError) as caught:
        client.jobs.get("x")
    assert caught.value.reason == "STORE_UNAVAILABLE"
    assert str(caught.value).startswith("cannot reach the server at http://127.0.0.1:9: ")


def test_refuses_to_start_with_a_wrong_token(tmp_path: Path, queue: str) -> None:
    server = Server(tmp_path / "data", "--token", "secret").start()
    try:
        with pytest.raises(SpanloomError) as caught:
            Runner(server.url, tasks=[double], token="wrong").start()
        assert caught.value.reason == "UNAUTHENTICATED"
        with pytest.raises(SpanloomError, match="is there a line break at its end"):
            Client(server.url, "secret\n")
        with Client(server.url, "secret") as client, Runner(server.url, tasks=[double], token="secret", queues=[queue]):
            assert client.jobs.submit(double, 2, queue=queue).result(timeout=30) == 4
    finally:
        server.stop()


def test_reports_a_result_that_is_too_large_as_a_failure(client: Client, queue: str, start_runner: StartRunner) -> None:
    from spanloom import task

    @task
    def large() -> str:
        return "x" * 300_000

    start_runner(large)
    job: Any = client.jobs.submit(large, queue=queue).wait(timeout=30)
    assert job.failure.message == 'cannot return the output of task "large": 300002 bytes, limit is 262144'
