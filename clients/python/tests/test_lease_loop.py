"""What a runner does when a server refuses what it reports, which a real one seldom does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from spanloom import SpanloomError
from spanloom.errors import ErrorFacts
from spanloom.rpc.connection import Connection
from spanloom.runner.attempt import Attempt
from spanloom.runner.attempt_pool import AttemptPool
from spanloom.runner.lease_loop import LeaseLoop, LeaseLoopOptions
from spanloom.runner.result_store import MAX_RESULTS, ResultStore
from spanloom.runner.timers import Timers
from spanloom.tracing.records import Entries, Origin, Record
from spanloom.tracing.telemetry_buffer import TelemetryBudget
from spanloom.v1 import task_pb2, task_service_pb2

from .conftest import until

Answer = Callable[[task_service_pb2.LeaseTasksRequest], task_service_pb2.LeaseTasksResponse]


class Peer:
    """A server that answers as a test says."""

    url = "http://peer"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[task_service_pb2.LeaseTasksRequest] = []

    def unary(self, method: str, request: Any, answer: Any, *, timeout: float, scope: Any) -> Any:
        assert method == "TaskService/LeaseTasks"
        if request.HasField("wait"):
            scope.wait(timeout)
            raise SpanloomError("SHUTTING_DOWN", "the poll was cancelled")
        self.requests.append(request)
        return self.answer(request)


class Pool:
    """A pool that has room for nothing."""

    free = 0
    room = 0


class Bench:
    """A lease loop and what it reports."""

    def __init__(self, answer: Answer) -> None:
        self.lines: list[str] = []
        self.acknowledged: list[str] = []
        self.peer = Peer(answer)
        self.budget = TelemetryBudget(1 << 20)
        self.store = ResultStore(1 << 20, self.budget, lambda: self.loop.wake())  # noqa: PLW0108 - made below
        self.timers = Timers()
        self.loop = LeaseLoop(
            LeaseLoopOptions(
                connection=cast("Connection", self.peer),
                runner_id="runner",
                queues=["default"],
                identifiers=[],
                pool=cast("AttemptPool", Pool()),
                store=self.store,
                timers=self.timers,
                leased=lambda _: None,
                acknowledged=lambda attempts: self.acknowledged.extend(each.task.task_id for each in attempts),
                drained=lambda: None,
                log=self.lines.append,
            )
        )

    def add(self, *task_ids: str, spans: int = 1) -> None:
        for task_id in task_ids:
            attempt = Attempt(task_pb2.LeasedTask(task_id=task_id, attempt=1), None)
            records = [Record(Origin(b"", b""), f"{task_id} {n}".encode()) for n in range(spans)]
            size = sum(len(record.data) for record in records)
            assert self.budget.take(size)
            result = task_pb2.TaskResult(task_id=task_id, attempt=1, success=task_pb2.TaskSuccess())
            self.store.add(attempt, result, Entries(records, [], size))

    def run(self) -> None:
        """Until everything is reported."""
        self.loop.start()
        assert self.store.wait_empty(30)


@pytest.fixture
def bench() -> Iterator[Callable[[Answer], Bench]]:
    made: list[Bench] = []

    def make(answer: Answer) -> Bench:
        made.append(Bench(answer))
        return made[-1]

    yield make
    for each in made:
        each.loop.stop()
        each.timers.stop()


def acks(request: task_service_pb2.LeaseTasksRequest) -> task_service_pb2.LeaseTasksResponse:
    return task_service_pb2.LeaseTasksResponse(
        result_acks=[
            task_service_pb2.ResultAck(task_id=each.task_id, attempt=1, status=task_service_pb2.RESULT_STATUS_OK)
            for each in request.results
        ]
    )


def test_reports_everything_in_as_few_requests_as_can_be(bench: Callable[[Answer], Bench]) -> None:
    made = bench(acks)
    made.add(*(f"task {n}" for n in range(MAX_RESULTS + 5)), spans=0)
    made.run()
    assert [len(request.results) for request in made.peer.requests] == [MAX_RESULTS, 5]
    assert len(made.acknowledged) == MAX_RESULTS + 5
    assert made.store.result_bytes == 0


def test_sends_telemetry_again_that_the_server_had_no_room_for(bench: Callable[[Answer], Bench]) -> None:
    refusals = iter([True, True])

    def answer(request: task_service_pb2.LeaseTasksRequest) -> task_service_pb2.LeaseTasksResponse:
        made = acks(request)
        if request.HasField("telemetry") and next(refusals, False):
            made.telemetry_rejection.retryable = True
            made.telemetry_rejection.message = "the spool is full"
        return made

    made = bench(answer)
    made.add("one", spans=3)
    made.loop.start()
    until(lambda: made.budget.used == 0, "the telemetry to be taken")
    sent = [request.telemetry.traces for request in made.peer.requests if request.HasField("telemetry")]
    assert sent[0] == sent[1] == sent[2]
    # Its result waited for none of that, and was reported once.
    assert [len(request.results) for request in made.peer.requests] == [1, 0, 0]
    assert made.lines == ["the server has no room for telemetry, which is kept: the spool is full"]
    assert made.budget.dropped == 0


def test_gives_up_the_one_result_that_is_refused(bench: Callable[[Answer], Bench]) -> None:
    def answer(request: task_service_pb2.LeaseTasksRequest) -> task_service_pb2.LeaseTasksResponse:
        if any(each.task_id == "bad" for each in request.results):
            raise SpanloomError("LIMIT_EXCEEDED", "cannot read the request: it is too large", ErrorFacts(limit=1))
        return acks(request)

    made = bench(answer)
    made.add("a", "b", "bad", "c")
    made.run()
    taken = [each.task_id for request in made.peer.requests for each in request.results]
    assert sorted(set(taken)) == ["a", "b", "bad", "c"]
    assert sorted(made.acknowledged) == ["a", "b", "bad", "c"]
    assert made.lines == [
        "gave up the result of task bad: the server refuses it: cannot read the request: it is too large"
    ]
    assert made.budget.used == 0


def test_keeps_results_while_the_server_does_not_know_its_token(bench: Callable[[Answer], Bench]) -> None:
    refusals = iter([True, True])

    def answer(request: task_service_pb2.LeaseTasksRequest) -> task_service_pb2.LeaseTasksResponse:
        if next(refusals, False):
            raise SpanloomError("UNAUTHENTICATED", "cannot serve the call: the token is not known")
        return acks(request)

    made = bench(answer)
    made.add("one")
    made.run()
    assert made.acknowledged == ["one"]
    assert made.lines[0].startswith("cannot serve the call: the token is not known; trying again, first in ")
    assert made.lines[1] == "reached the server at http://peer again"


def test_keeps_results_through_a_defect_of_its_own(bench: Callable[[Answer], Bench]) -> None:
    broken = threading.Event()

    def answer(request: task_service_pb2.LeaseTasksRequest) -> task_service_pb2.LeaseTasksResponse:
        if not broken.is_set():
            broken.set()
            raise ZeroDivisionError("a defect")
        return acks(request)

    made = bench(answer)
    made.add("one")
    made.run()
    assert made.acknowledged == ["one"]
    assert made.lines[0].startswith("cannot call http://peer: ZeroDivisionError('a defect'); trying again")
