"""Runners whose tasks run in processes."""

from __future__ import annotations

import os
from pathlib import Path

from spanloom import Client

from .conftest import StartRunner, until
from .tasks import Place, double, dying, marking, process_id, stubborn, traced


def test_runs_tasks_in_processes_of_their_own(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(process_id, pool="processes", concurrency=2)
    ids = {client.jobs.submit(process_id, queue=queue).result(timeout=60) for _ in range(5)}
    assert os.getpid() not in ids
    assert len(ids) <= 2


def test_traces_logs_and_submits_from_processes(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(traced, double, pool="processes", concurrency=2)
    job = client.jobs.submit(traced, 3, queue=queue).wait(timeout=60)
    assert (job.state, job.output, job.counts.succeeded) == ("SUCCEEDED", 3, 3)
    spans = client.query_spans(job=job.id).to_arrow().to_pylist()
    (outer,) = [row for row in spans if row["name"] == "outer"]
    (attempt,) = [row for row in spans if row["type"] == "attempt" and row["name"] == "traced"]
    assert outer["parent_span_id"] == attempt["span_id"]
    assert dict(outer["attributes"])["spanloom.task.id"] == attempt["task_id"]
    (record,) = client.query_logs(job=job.id).to_arrow().to_pylist()
    assert (record["body"], record["span_id"]) == ("from a process", outer["span_id"])
    (found,) = [each for each in client.jobs.tasks(job.id) if each.name == "traced"]
    assert found.display == "shown"
    assert [(each.done, each.total) for each in found.progress] == [(3, 10)]


def test_fails_the_attempt_of_a_process_that_dies_and_nothing_else(
    client: Client, queue: str, start_runner: StartRunner, tmp_path: Path
) -> None:
    start_runner(dying, marking, pool="processes", concurrency=2)
    lasting = client.jobs.submit(marking, Place(str(tmp_path / "sign"), 3.0), queue=queue)
    until((tmp_path / "sign").exists)
    job = client.jobs.submit(dying, Place(str(tmp_path / "pid"), 1.2), queue=queue).wait(timeout=60)
    assert (job.state, job.output) == ("SUCCEEDED", 2)
    first, second = next(client.jobs.tasks(job.id)).attempts
    assert first.failure is not None
    assert (first.outcome, first.failure.type) == ("FAILURE", "WorkerProcessDied")
    assert first.failure.message == 'the process that ran task "dying" died: signal 9'
    assert second.outcome == "SUCCESS"
    # What it had sent before it died is kept.
    assert client.query_spans(job=job.id, name="before").to_arrow().num_rows == 1
    assert lasting.result(timeout=60) == 1


def test_kills_a_process_that_does_not_stop(
    client: Client, queue: str, start_runner: StartRunner, tmp_path: Path
) -> None:
    start_runner(stubborn, pool="processes", concurrency=1, abandon_after=0.2)
    handle = client.jobs.submit(stubborn, Place(str(tmp_path / "pid")), queue=queue)
    path = tmp_path / "pid"
    pid = int(until(lambda: path.exists() and path.read_text()))
    handle.cancel()
    assert handle.wait(timeout=60).state == "CANCELLED"
    until(lambda: not _is_alive(pid), "the process to be killed")


def test_ends_its_processes_when_it_stops(client: Client, queue: str, start_runner: StartRunner) -> None:
    runner = start_runner(process_id, pool="processes", concurrency=1)
    pid = client.jobs.submit(process_id, queue=queue).result(timeout=60)
    runner.stop()
    until(lambda: not _is_alive(pid), "the process to end")


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[-1][0] != "Z"
    except FileNotFoundError:
        return False
