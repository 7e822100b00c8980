"""The client against a real server."""

from __future__ import annotations

import sys
import threading
from datetime import datetime, timedelta, timezone

import pytest

from spanloom import Client, Concurrency, SpanloomError, SubmissionBuilder, TaskContext, declare, task

from .conftest import StartRunner

UNKNOWN = "0190163d-8694-739b-aea5-966c26f8ad90"


@task
def echo(value: object) -> object:
    return value


@task
def joined(nothing: None, ctx: TaskContext) -> str:
    return "+".join(str(each.output) for each in ctx.dependencies())


def test_submits_and_finds_a_job(client: Client, queue: str) -> None:
    before = datetime.now(timezone.utc) - timedelta(minutes=1)
    handle = client.jobs.submit(
        echo,
        1,
        name="named",
        queue=queue,
        priority=7,
        tags={"team": queue},
        start_at=before,
        deadline=timedelta(hours=1),
    )
    job = client.jobs.get(handle.id)
    assert (job.name, job.queue, job.priority, job.tags, job.state) == ("named", queue, 7, {"team": queue}, "QUEUED")
    assert job.created_at > before
    assert [each.id for each in client.jobs.list(queue=queue)] == [handle.id]
    assert [each.id for each in client.jobs.list(tags={"team": queue}, created_after=before, limit=5)] == [handle.id]
    assert client.jobs.count(queue=queue) == {"QUEUED": 1}
    assert client.jobs.queues(queue)[queue].queued == 1


def test_lists_page_by_page(client: Client, queue: str) -> None:
    handles = client.jobs.submit_many(echo, list(range(1_205)), queue=queue)
    assert len({handle.id for handle in handles}) == 1_205
    assert sum(1 for _ in client.jobs.list(queue=queue)) == 1_205
    assert sum(1 for _ in client.jobs.list(queue=queue, limit=1_001)) == 1_001


def test_returns_the_job_of_an_idempotency_key(client: Client, queue: str) -> None:
    first = client.jobs.submit(echo, 1, queue=queue, idempotency_key=queue)
    assert client.jobs.submit(echo, 1, queue=queue, idempotency_key=queue).id == first.id
    with pytest.raises(SpanloomError) as caught:
        client.jobs.submit(echo, 2, queue=queue, idempotency_key=queue)
    assert (caught.value.reason, caught.value.code) == ("IDEMPOTENCY_CONFLICT", "already_exists")
    assert caught.value.facts.metadata["job_id"] == first.id


def test_composes_a_job_of_several_roots(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(echo, joined)

    def build(roots: SubmissionBuilder) -> None:
        first = roots.submit_many(echo, ["a", "b"])
        roots.submit(joined, depends_on=first)

    assert client.jobs.compose("composed", build, queue=queue).result(timeout=30) == ("a", "b", "a+b")


def test_watches_a_job_to_its_end(client: Client, queue: str, start_runner: StartRunner) -> None:
    handle = client.jobs.submit(echo, 1, queue=queue)
    states = []
    for job in handle.watch():
        states.append(job.state)
        if job.state == "QUEUED" and len(states) == 1:
            start_runner(echo)
    assert (states[0], states[-1]) == ("QUEUED", "SUCCEEDED")


def test_cancels_retries_and_clones(client: Client, queue: str, start_runner: StartRunner) -> None:
    handle = client.jobs.submit(echo, 5, queue=queue, tags={"a": "1"})
    cancelled = handle.cancel("no need")
    assert (cancelled.state, cancelled.cancel_reason) == ("CANCELLED", "no need")
    assert handle.retry().state == "QUEUED"
    clone = client.jobs.clone(handle.id, name="again", tags={"b": "2"})
    assert handle.submitted.trigger is not None
    assert clone.submitted.trigger is not None
    assert (handle.submitted.trigger.type, clone.submitted.trigger.type) == ("MANUAL", "CLONE")
    assert clone.submitted.trigger.cloned_job_id == handle.id
    assert (clone.name, clone.submitted.tags) == ("again", {"a": "1", "b": "2"})
    other = client.jobs.clone(handle.id, inputs={0: {"edited": True}})
    start_runner(echo)
    assert clone.result(timeout=30) == 5
    assert other.result(timeout=30) == {"edited": True}
    assert handle.result(timeout=30) == 5


def test_stops_waiting_in_time(client: Client, queue: str) -> None:
    handle = client.jobs.submit(echo, 1, queue=queue)
    with pytest.raises(SpanloomError) as caught:
        handle.wait(timeout=0.2)
    assert caught.value.reason == "DEADLINE_EXCEEDED"
    assert str(caught.value) == f'cannot wait for job "{handle.id}": it has not ended within 0.2 s'


@pytest.mark.parametrize("call", ["get", "wait", "cancel", "retry", "clone"])
def test_tells_of_a_job_that_is_not_there(client: Client, call: str) -> None:
    with pytest.raises(SpanloomError) as caught:
        getattr(client.jobs, call)(UNKNOWN)
    assert caught.value.reason == "JOB_NOT_FOUND"
    assert UNKNOWN in str(caught.value)


def test_refuses_one_job_of_many_and_submits_the_others(client: Client, queue: str) -> None:
    limited = Concurrency(queue, 1, "reject_new")
    with pytest.raises(SpanloomError) as caught:
        client.jobs.submit_many(echo, [1, 2, 3], queue=queue, concurrency=limited)
    assert caught.value.reason == "CONCURRENCY_REJECTED"
    assert client.jobs.count(queue=queue) == {"QUEUED": 1}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1, object()}, "is a object, which is no data"),
        ({"a": [float("nan")]}, "value.a[0] is nan, which JSON has no number for"),
        ("x" * 300_000, "its input has 300002 bytes, limit is 262144"),
        ("\ud800", "value is text with a lone surrogate"),
    ],
)
def test_refuses_what_is_no_data(client: Client, value: object, message: str) -> None:
    with pytest.raises(SpanloomError) as caught:
        client.jobs.submit(echo, value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "value", [None, 0, "", [], {}, False, "ünï ✓ \u0000 \U0001f600", [[1, [2.5, None]], {"a": {}}], 2**53]
)
def test_brings_data_back_as_it_was(client: Client, queue: str, start_runner: StartRunner, value: object) -> None:
    start_runner(echo)
    assert client.jobs.submit(echo, value, queue=queue).result(timeout=30) == value


def test_submits_tasks_whose_code_is_elsewhere(client: Client, queue: str) -> None:
    elsewhere = declare("resize", "2.1", queue=queue)
    handle = client.jobs.submit(elsewhere, {"path": "a.png"})
    (found,) = client.jobs.tasks(handle.id, payloads=True)
    assert (found.name, found.version, found.queue, found.input) == ("resize", "2.1", queue, {"path": "a.png"})


def test_serves_many_threads(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(echo)
    results: list[object] = []

    def submit(n: int) -> None:
        results.append(client.jobs.submit(echo, n, queue=queue).result(timeout=60))

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(20))  # type: ignore[type-var]


def test_says_how_to_get_what_queries_need(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("spanloom.query")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SpanloomError, match=r"pyarrow is not installed; pip install 'spanloom\[arrow\]'"):
        Client().query_spans()
