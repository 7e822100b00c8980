"""What needs no server."""

from __future__ import annotations

import enum
import pickle
import re
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, Optional, Union

import pytest
from typing_extensions import TypedDict

from spanloom import JobFailedError, Retry, Runner, SpanloomError, SubmissionBuilder, Task, TaskContext, declare, task
from spanloom.conversion import from_plain
from spanloom.errors import CATALOGUE, AttemptAborted, ErrorFacts
from spanloom.ids import new_id
from spanloom.payload import decode_payload, encode_payload
from spanloom.runner.failure import describe, to_failure
from spanloom.runner.options import check_options
from spanloom.runner.timers import Timers
from spanloom.tracing.records import Entries, Origin, Record
from spanloom.tracing.telemetry_buffer import TelemetryBudget, TelemetryBuffer
from spanloom.version import VERSION

from .conftest import ROOT
from .tasks import double

PACKAGE = ROOT / "clients" / "python"


class Color(enum.Enum):
    RED = "red"


class Options(TypedDict):
    deep: bool


@dataclass
class Inner:
    when: datetime
    color: Color = Color.RED


@dataclass
class Outer:
    inner: Inner
    names: list[str] = field(default_factory=list)
    by_key: dict[str, Inner] = field(default_factory=dict)
    pair: Optional[tuple[int, str]] = None  # noqa: UP045 - the old spelling must work as well
    either: Union[int, str] = 0  # noqa: UP007 - as above
    mode: Literal["a", "b"] = "a"
    id: uuid.UUID | None = None
    options: Options | None = None


def test_has_the_errors_of_the_catalogue() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (yes|no) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    assert dict(CATALOGUE) == {reason: (code, transient == "yes") for reason, code, transient in rows}


def test_has_the_version_of_its_package() -> None:
    assert f'version = "{VERSION}"' in (PACKAGE / "pyproject.toml").read_text()


def test_reads_what_it_writes() -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    value = Outer(Inner(when), ["x"], {"k": Inner(when)}, (1, "b"), "text", "b", uuid.UUID(int=5), {"deep": True})
    plain = decode_payload(encode_payload(value, "cannot test"), "cannot test")
    assert from_plain(plain, Outer, "cannot test") == value


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({}, "input.inner is missing, Outer needs it"),
        ({"inner": {"when": "never"}}, "input.inner.when is 'never', no datetime"),
        ({"inner": {"when": "2026-01-01T00:00:00Z", "color": "blue"}}, "input.inner.color is 'blue', no Color"),
        ({"inner": {"when": "2026-01-01T00:00:00Z"}, "names": [1]}, "input.names[0] is 1, must be str"),
        ({"inner": {"when": "2026-01-01T00:00:00Z"}, "pair": [1]}, "input.pair is [1], must be 2 items"),
        ({"inner": {"when": "2026-01-01T00:00:00Z"}, "mode": "c"}, "input.mode is 'c', must be one of ['a', 'b']"),
        ([], "input is [], must be Outer"),
    ],
)
def test_tells_what_of_an_input_does_not_fit(plain: Any, message: str) -> None:
    with pytest.raises(SpanloomError, match=re.escape(message)):
        from_plain(plain, Outer, "cannot test")


def test_leaves_out_what_a_newer_sender_knows() -> None:
    plain = {"inner": {"when": "2026-01-01T00:00:00Z", "later": 1}, "later": 2}
    assert from_plain(plain, Outer, "cannot test").names == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "name has 0 bytes, must have 1..256"),
        ({"version": "1"}, 'must be "major.minor"'),
        ({"timeout": 0}, "timeout is 0, must be a timedelta or seconds of at least 0.001"),
        ({"timeout": "5"}, "timeout is '5', must be a timedelta"),
        ({"priority": 2**40}, "priority is 1099511627776, must be a whole number"),
        ({"queue": ""}, "queue is '', must be a name"),
    ],
)
def test_refuses_tasks_that_cannot_be(options: Any, message: str) -> None:
    with pytest.raises(SpanloomError, match=re.escape(message)):
        task(**options)(lambda: None)


def test_refuses_retry_policies_that_cannot_be() -> None:
    with pytest.raises(SpanloomError, match=r"max_attempts is 0, must be a whole number in 1\.\.1000"):
        Retry(max_attempts=0)


def test_takes_several_parameters_from_an_object() -> None:
    @task
    def sized(path: Path, width: int, height: int = 10, *, ctx: TaskContext) -> str:
        return f"{path} {width}x{height}"

    context: Any = object()
    assert sized(**sized.bind({"path": "a.png", "width": 5}, context)) == "a.png 5x10"
    with pytest.raises(SpanloomError, match=re.escape("input.width is missing")):
        sized.bind({"path": "a.png"}, context)


def test_is_called_as_a_function() -> None:
    assert double(4) == 8
    with pytest.raises(SpanloomError, match="its code is not here"):
        declare("elsewhere")(4)


def test_travels_to_other_processes_by_its_place() -> None:
    assert pickle.loads(pickle.dumps(double)) is double
    elsewhere: Task[Any, Any] = pickle.loads(pickle.dumps(declare("elsewhere", "2.0", queue="q")))
    assert (elsewhere.name, elsewhere.version, elsewhere.options.queue) == ("elsewhere", "2.0", "q")


@pytest.mark.parametrize(
    "error",
    [
        SpanloomError("OVERLOADED", "cannot", ErrorFacts(field="x", limit=1)),
        AttemptAborted("timeout", "must stop"),
    ],
)
def test_errors_travel_to_other_processes(error: BaseException) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.__dict__) == (type(error), str(error), error.__dict__)
    assert not issubclass(AttemptAborted, Exception)
    assert issubclass(JobFailedError, Exception)


def test_refuses_handles_of_another_submission() -> None:
    foreign = SubmissionBuilder().submit(double, 1)
    with pytest.raises(SpanloomError) as caught:
        SubmissionBuilder().submit(double, 1, depends_on=foreign)
    assert (caught.value.reason, caught.value.facts.field) == ("INVALID_DEPENDENCY", "depends_on[0]")


def test_writes_ten_thousand_equal_tasks_as_one_group() -> None:
    builder = SubmissionBuilder()
    for n in range(10_000):
        builder.submit(double, n % 10)
    built = builder.build()
    assert (len(built.groups), len(built.specs), list(built.groups[0].specs)) == (1, 1, [0])
    assert built.ByteSize() < 10_000 * 4


def test_makes_ids_that_sort_by_time() -> None:
    ids = [uuid.UUID(new_id()) for _ in range(100)]
    assert {(each.version, each.variant) for each in ids} == {(7, uuid.RFC_4122)}
    assert len(set(ids)) == 100


def test_describes_whatever_is_raised() -> None:
    class HostileError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert describe(HostileError()).message == "[unreadable]"
    try:
        try:
            raise KeyError("first")
        except KeyError as cause:
            raise ValueError("second") from cause
    except ValueError as error:
        failure = to_failure(error)
    assert (failure.type, failure.message) == ("ValueError", "second")
    assert "KeyError: 'first'" in failure.stack
    assert not failure.HasField("retryable")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queues": []}, "queues is [], must be a list of at least one name"),
        ({"queues": "default"}, "queues is 'default', must be a list"),
        ({"concurrency": 0}, "concurrency is 0, must be a whole number in 1..10000"),
        ({"pool": "fibers"}, "pool is 'fibers', must be"),
        ({"grace": -1}, "grace is -1, must be"),
        ({"workers": 3}, "workers is no option of a runner"),
    ],
)
def test_refuses_runner_options_that_cannot_be(options: Any, message: str) -> None:
    with pytest.raises(SpanloomError, match=re.escape(message)):
        check_options(options)


def test_refuses_runners_without_code() -> None:
    with pytest.raises(SpanloomError, match="it has no tasks"):
        Runner(tasks=[])
    with pytest.raises(SpanloomError, match="is it decorated with @task"):
        Runner(tasks=[print])  # type: ignore[list-item]
    with pytest.raises(SpanloomError, match='two tasks are "double" of version 1'):
        Runner(tasks=[double, double])


def test_timers_hold_on_to_nothing_that_was_cancelled() -> None:
    timers = Timers()
    made = [timers.after(3600, lambda: None) for _ in range(5_000)]
    for timer in made:
        timers.cancel(timer)
        timers.cancel(timer)
    assert len(timers) < 2_100
    assert all(timer.call is None for timer in made)
    called: list[str] = []
    done = threading.Event()

    def second() -> None:
        called.append("second")
        done.set()

    def broken() -> None:
        raise ValueError("a defect")

    timers.after(0.02, second)
    timers.after(0.01, broken)
    timers.after(0.0, lambda: called.append("first"))
    assert done.wait(10)
    assert called == ["first", "second"]
    timers.stop()


def test_drops_the_oldest_spans_over_the_budget_and_counts_them() -> None:
    late: list[Entries] = []
    budget = TelemetryBudget(100)
    buffer = TelemetryBuffer(budget, late.append)
    origin = Origin(b"", b"")
    for name in (b"a", b"b", b"c"):
        buffer.add_span(Record(origin, name * 40))
    buffer.add_log(Record(origin, b"l" * 200))
    entries = buffer.seal()
    # The log would have no room even alone.
    assert [record.data[:1] for record in entries.spans] == [b"b", b"c"]
    assert (entries.logs, buffer.dropped, budget.used, budget.dropped) == ([], 2, 80, 2)
    budget.release(entries.size)
    buffer.add_span(Record(origin, b"d"))
    assert [len(each.spans) for each in late] == [1]


@pytest.mark.parametrize("odd", ["]" * 300, "[" * 300, '"[', '\\"[', "\\", '[\\\\"', "{]"])
def test_tells_depth_from_brackets_within_text(odd: str) -> None:
    flat = [{odd: odd}] * 300
    assert decode_payload(encode_payload(flat, "cannot test"), "cannot test") == flat
    deep: object = odd
    for _ in range(201):
        deep = [deep, odd]
    with pytest.raises(SpanloomError, match="is nested deeper than 200 levels"):
        encode_payload(deep, "cannot test")
