"""Runners against a real server."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import dataclass

import pytest

from spanloom import Client, JobFailedError, Retry, RetryableError, TaskContext, TerminalError, declare, task
from spanloom.rpc.connection import Connection
from spanloom.v1 import runner_service_pb2

from .conftest import Server, StartRunner, until


@dataclass
class Pair:
    a: int
    b: int = 1


@task
def add(pair: Pair) -> int:
    return pair.a + pair.b


@task
async def add_later(pair: Pair, ctx: TaskContext) -> int:
    await asyncio.sleep(0.01)
    return pair.a + pair.b


@task
def square(n: int) -> int:
    return n * n


@task
def total(nothing: None, ctx: TaskContext) -> int:
    return sum(ctx.outputs_of(square))


@task
def fan_out(count: int, ctx: TaskContext) -> None:
    squares = ctx.submit_many(square, list(range(count)))
    ctx.submit(total, depends_on=squares)


def test_runs_a_plain_function_with_a_dataclass(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(add)
    assert client.jobs.submit(add, Pair(1, 2), queue=queue).result(timeout=30) == 3


def test_runs_an_async_function(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(add_later)
    assert client.jobs.submit(add_later, Pair(1, 2), queue=queue).result(timeout=30) == 3


def test_submits_children_that_wait_for_each_other(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(square, total, fan_out)
    job = client.jobs.submit(fan_out, 10, queue=queue).wait(timeout=30)
    assert job.state == "SUCCEEDED"
    tasks = {each.name: each for each in client.jobs.tasks(job.id, payloads=True)}
    assert tasks["total"].output == 285
    assert tasks["total"].dependency_count == 10


def test_runs_ten_thousand_small_tasks(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(square, total, fan_out)
    job = client.jobs.submit(fan_out, 10_000, queue=queue).wait(timeout=120)
    assert job.state == "SUCCEEDED"
    assert job.counts.succeeded == 10_002
    assert job.attempts == 10_002


def test_tries_again_as_the_policy_says(client: Client, queue: str, start_runner: StartRunner) -> None:
    @task(retry=Retry(max_attempts=3, initial_delay=0.01))
    def flaky(ctx: TaskContext) -> int:
        if ctx.attempt < 3:
            raise ValueError(f"attempt {ctx.attempt}")
        return ctx.attempt

    start_runner(flaky)
    job = client.jobs.submit(flaky, queue=queue).wait(timeout=30)
    assert job.output == 3
    attempts = next(client.jobs.tasks(job.id)).attempts
    assert [each.outcome for each in attempts] == ["FAILURE", "FAILURE", "SUCCESS"]
    assert attempts[0].failure is not None
    assert (attempts[0].failure.type, attempts[0].failure.message) == ("ValueError", "attempt 1")
    # The stack begins where the task's code does.
    assert "flaky" in attempts[0].failure.stack
    assert "spanloom/runner" not in attempts[0].failure.stack


def test_never_tries_a_terminal_error_again(client: Client, queue: str, start_runner: StartRunner) -> None:
    @task(retry=Retry(max_attempts=5, initial_delay=0.01))
    def hopeless() -> None:
        raise TerminalError("no use")

    start_runner(hopeless)
    with pytest.raises(JobFailedError, match="TerminalError: no use") as caught:
        client.jobs.submit(hopeless, queue=queue).result(timeout=30)
    assert caught.value.job.attempts == 1


def test_waits_as_long_as_a_retryable_error_asks(client: Client, queue: str, start_runner: StartRunner) -> None:
    @task(retry=Retry(max_attempts=2, initial_delay=0.001))
    def limited(ctx: TaskContext) -> int:
        if ctx.attempt == 1:
            raise RetryableError("not so fast", retry_after=0.5)
        return ctx.attempt

    start_runner(limited)
    job = client.jobs.submit(limited, queue=queue).wait(timeout=30)
    first, second = next(client.jobs.tasks(job.id)).attempts
    assert first.ended_at is not None
    assert second.started_at is not None
    assert (second.started_at - first.ended_at).total_seconds() >= 0.5


def test_fails_an_input_that_does_not_fit_for_good(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(add)
    job = client.jobs.submit(add, {"a": "one"}, queue=queue, retry=Retry(max_attempts=5)).wait(timeout=30)
    assert job.failure is not None
    assert job.failure.message == "cannot run task \"add\": input.a is 'one', must be int"
    assert job.attempts == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_stops_an_attempt_at_its_timeout(client: Client, queue: str, start_runner: StartRunner, is_async: bool) -> None:
    @task(name="slow", timeout=0.2)
    def slow(ctx: TaskContext) -> None:
        ctx.sleep(60)

    @task(name="slow", timeout=0.2)
    async def slow_later() -> None:
        await asyncio.sleep(60)

    definition = slow_later if is_async else slow
    start_runner(definition)
    job = client.jobs.submit(definition, queue=queue).wait(timeout=30)
    attempt = next(client.jobs.tasks(job.id)).attempts[0]
    assert (job.state, attempt.outcome) == ("FAILED", "TIMEOUT")


@pytest.mark.parametrize("is_async", [False, True])
def test_stops_attempts_of_a_job_that_is_cancelled(
    client: Client, queue: str, start_runner: StartRunner, is_async: bool
) -> None:
    stopped = threading.Event()

    @task(name="endless")
    def endless(ctx: TaskContext) -> None:
        try:
            while True:
                ctx.sleep(0.01)
        finally:
            stopped.set()

    @task(name="endless")
    async def endless_later() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    definition = endless_later if is_async else endless
    start_runner(definition)
    handle = client.jobs.submit(definition, queue=queue)
    until(lambda: client.jobs.get(handle.id).state == "RUNNING")
    handle.cancel("enough")
    assert handle.wait(timeout=30).state == "CANCELLED"
    assert stopped.wait(10)


def test_tells_progress_and_display(client: Client, queue: str, start_runner: StartRunner) -> None:
    @task
    def counted(ctx: TaskContext) -> None:
        ctx.progress(2, 4, "files")
        ctx.display("two of four")

    start_runner(counted)
    job = client.jobs.submit(counted, queue=queue).wait(timeout=30)
    found = next(client.jobs.tasks(job.id))
    assert [(each.label, each.done, each.total) for each in found.progress] == [("files", 2, 4)]
    assert found.display == "two of four"


def test_stops_gracefully(client: Client, queue: str, start_runner: StartRunner) -> None:
    begun = threading.Event()

    @task
    def finishing(ctx: TaskContext) -> str:
        begun.set()
        ctx.sleep(0.5)
        return "done"

    runner = start_runner(finishing)
    handle = client.jobs.submit(finishing, queue=queue)
    assert begun.wait(30)
    runner.stop()
    job = client.jobs.get(handle.id)
    assert (job.state, job.output) == ("SUCCEEDED", "done")


def test_gives_back_what_does_not_end_in_time(client: Client, queue: str, start_runner: StartRunner) -> None:
    begun = threading.Event()

    @task
    def lasting(ctx: TaskContext) -> str:
        begun.set()
        if ctx.attempt == 1:
            ctx.sleep(60)
        return f"attempt {ctx.attempt}"

    runner = start_runner(lasting, grace=0.1)
    handle = client.jobs.submit(lasting, queue=queue)
    assert begun.wait(30)
    runner.stop()
    start_runner(lasting)
    job = handle.wait(timeout=30)
    assert job.output == "attempt 2"
    assert [each.outcome for each in next(client.jobs.tasks(job.id)).attempts] == ["RELEASED", "SUCCESS"]


@pytest.mark.parametrize("is_async", [False, True])
def test_runs_no_more_attempts_at_once_than_it_may(
    client: Client, queue: str, start_runner: StartRunner, is_async: bool
) -> None:
    lock = threading.Lock()
    running: list[int] = [0, 0]

    def enter(step: int) -> None:
        with lock:
            running[0] += step
            running[1] = max(running)

    @task(name="counted")
    def counted(n: int) -> None:
        enter(1)
        time.sleep(0.02)
        enter(-1)

    @task(name="counted")
    async def counted_later(n: int) -> None:
        enter(1)
        await asyncio.sleep(0.02)
        enter(-1)

    definition = counted_later if is_async else counted
    start_runner(definition, concurrency=3)
    handles = client.jobs.submit_many(definition, list(range(30)), queue=queue)
    client.jobs.wait_all([handle.id for handle in handles], timeout=60)
    assert running == [0, 3]


def test_drains_when_the_server_asks(client: Client, server: Server, queue: str, start_runner: StartRunner) -> None:
    runner = start_runner(square)
    assert client.jobs.submit(square, 2, queue=queue).result(timeout=30) == 4
    request = runner_service_pb2.DrainRunnerRequest(runner_id=runner.id)
    Connection(server.url).unary("RunnerService/DrainRunner", request, runner_service_pb2.DrainRunnerResponse)
    assert runner.drained.wait(30)
    left = client.jobs.submit(square, 3, queue=queue)
    runner.stop()
    assert client.jobs.get(left.id).state == "QUEUED"


def test_offers_no_code_that_is_too_old(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(task(name="versioned", version="1.2")(lambda: "1.2"))
    newer = client.jobs.submit(declare("versioned", "1.3"), queue=queue)
    assert client.jobs.submit(declare("versioned", "1.1"), queue=queue).result(timeout=30) == "1.2"
    assert client.jobs.get(newer.id).state == "QUEUED"


def test_registers_as_what_it_is(client: Client, server: Server, queue: str, start_runner: StartRunner) -> None:
    @task
    def spanned(ctx: TaskContext) -> None:
        with ctx.span("work"):
            pass

    runner = start_runner(spanned, concurrency=7, service_name="squares", service_version="3")
    request = runner_service_pb2.ListRunnersRequest(queue=queue)
    answer = Connection(server.url).unary("RunnerService/ListRunners", request, runner_service_pb2.ListRunnersResponse)
    (found,) = answer.runners
    assert (found.id, found.sdk_name, found.capacity, found.pid) == (runner.id, "spanloom-python", 7, os.getpid())
    job = client.jobs.submit(spanned, queue=queue).wait(timeout=30)
    (row,) = client.query_spans(job=job.id, name="work").to_arrow().to_pylist()
    resource = dict(row["resource_attributes"])
    assert (row["service_name"], resource["service.version"]) == ("squares", "3")
    assert (resource["spanloom.runner.id"], resource["telemetry.sdk.language"]) == (runner.id, "python")
    runner.stop()
    request.states.append(runner_service_pb2.RUNNER_STATE_STOPPED)
    answer = Connection(server.url).unary("RunnerService/ListRunners", request, runner_service_pb2.ListRunnersResponse)
    assert [each.id for each in answer.runners] == [runner.id]
