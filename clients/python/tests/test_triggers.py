"""Events, schedules and triggers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from spanloom import Client, Firing, NewEvent, Retry, SpanloomError, TaskContext, task

from .conftest import StartRunner, until


@task
def greet(who: dict[str, Any], ctx: TaskContext) -> str:
    return f"hello {who['name']}"


@pytest.fixture
def name(client: Client) -> Iterator[str]:
    """A name of the test's own, whose definitions are deleted after it."""
    made = f"python-{uuid.uuid4()}"
    yield made
    client.triggers.delete(made)
    client.schedules.delete(made)


def job_of(firings: tuple[Firing, ...]) -> str | None:
    return next((each.job_id for each in firings if each.job_id), None)


def test_submits_a_job_for_an_event(client: Client, queue: str, name: str, start_runner: StartRunner) -> None:
    start_runner(greet)
    trigger = client.triggers.put(
        name, greet, on=f"{name}.*", when="event.payload.age >= 18", queue=queue, retry=Retry(max_attempts=2)
    )
    assert (trigger.on, trigger.when, trigger.job_name, trigger.paused) == (f"{name}.*", trigger.when, "greet", False)
    assert (
        client.triggers.put(
            name, greet, on=f"{name}.*", when="event.payload.age >= 18", queue=queue, retry=Retry(max_attempts=2)
        ).revision
        == trigger.revision
    )
    young = client.events.publish(f"{name}.young", {"name": "Tim", "age": 7})
    old = client.events.publish(f"{name}.old", {"name": "Ada", "age": 36}, metadata={"source": "test"})
    job_id = until(lambda: job_of(client.events.get(old).firings), "the event to fire")
    job = client.jobs.wait(job_id, timeout=30)
    assert job.output == "hello Ada"
    assert job.trigger is not None
    assert (job.trigger.type, job.trigger.trigger, job.trigger.event_id) == ("EVENT", name, old)
    kept = client.events.get(old)
    assert (kept.key, kept.payload, kept.metadata["source"]) == (f"{name}.old", {"name": "Ada", "age": 36}, "test")
    assert client.events.get(young).firings == ()
    assert client.triggers.get(name).last_firing is not None


def test_publishes_many_events_and_none_twice(client: Client, name: str) -> None:
    events = [NewEvent(f"{name}.{index}", index, id=f"{name}-{index}") for index in range(3)]
    assert client.events.publish_many(events) == [f"{name}-{index}" for index in range(3)]
    client.events.publish_many(events)
    listed = list(client.events.list(key=f"{name}.*", sources=["PUBLISHED"]))
    assert [each.payload for each in listed] == [2, 1, 0]
    assert client.events.publish_many([]) == []


def test_submits_a_job_at_a_time_and_by_hand(client: Client, queue: str, name: str, start_runner: StartRunner) -> None:
    start_runner(greet)
    soon = datetime.now(timezone.utc) + timedelta(days=1)
    times = {"once": soon}
    schedule = client.schedules.put(name, greet, {"name": "Bob"}, times=times, queue=queue, job_name="daily")
    assert (schedule.job_name, schedule.overlap, schedule.next_times) == ("daily", "skip", (soon,))
    firing = client.schedules.fire(name, idempotency_key="by hand")
    assert client.schedules.fire(name, idempotency_key="by hand").id == firing.id
    assert firing.job_id is not None
    assert client.jobs.wait(firing.job_id, timeout=30).output == "hello Bob"


def test_pauses_lists_and_deletes(client: Client, name: str) -> None:
    client.schedules.put(
        name, greet, {}, times={"cron": "0 7 * * *", "time_zone": "Europe/Berlin"}, overlap="queue_one"
    )
    client.triggers.put(name, greet, on=name, fixed_input={"name": "all"}, trace_mode="child")
    for kept in (client.schedules, client.triggers):
        assert kept.pause(name, "for now").pause_reason == "for now"
        assert [each.name for each in kept.list(name_prefix=name, paused=True)] == [name]
        assert not kept.resume(name).paused
        assert (kept.delete(name), kept.delete(name)) == (True, False)
        with pytest.raises(SpanloomError, match=name) as caught:
            kept.get(name)
        assert caught.value.code == "not_found"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"times": {}}, "times has none of cron, every and once, must have one"),
        ({"times": {"every": 60, "once": 1}}, r"times has \['every', 'once'\] of cron, every and once"),
        ({"times": {"cron": "* * * * *", "anchor": 1}}, "times.anchor does not go with cron"),
        ({"times": {"every": -1}}, "times.every is -1, must be a timedelta or seconds"),
        ({"times": {"every": 60}, "overlap": "later"}, 'overlap is "later", must be skip'),
        ({"times": {"every": 60}, "start_at": 1}, "start_at is no option of its jobs"),
    ],
)
def test_refuses_schedules_that_cannot_be(client: Client, more: Any, message: str) -> None:
    with pytest.raises(SpanloomError, match=f'^cannot put schedule "x": {message}'):
        client.schedules.put("x", greet, {}, **more)


def test_refuses_events_and_triggers_that_cannot_be(client: Client) -> None:
    with pytest.raises(SpanloomError, match="its key must be a text that is not empty"):
        client.events.publish("")
    with pytest.raises(SpanloomError, match=r"metadata\.n is a int, must be a text"):
        client.events.publish("a", metadata={"n": 1})  # type: ignore[dict-item]
    with pytest.raises(SpanloomError, match="its payload has 1048578 bytes, limit is 1048576"):
        client.events.publish("a", "x" * 1048576)
    with pytest.raises(SpanloomError, match="both input and fixed_input are given"):
        client.triggers.put("x", greet, on="a", input="event.payload", fixed_input={})
    with pytest.raises(SpanloomError, match='source is "MAIL", must be one of PUBLISHED, WEBHOOK'):
        client.events.list(sources=["MAIL"])  # type: ignore[list-item]
