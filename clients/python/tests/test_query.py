"""Spans and logs as Arrow, pandas and Polars."""

from __future__ import annotations

import signal
import struct
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from spanloom import Client, Job, Runner, SpanloomError, TaskContext, task
from spanloom.query import AttributeColumn
from spanloom.query.arrow_stream import batches_of, read_chunk
from spanloom.v1 import query_service_pb2

from .conftest import Server, StartRunner


@task
def measured(n: int, ctx: TaskContext) -> int:
    for index in range(n):
        with ctx.span("step", {"index": index, "ratio": index / 2, "even": index % 2 == 0, "label": f"step {index}"}):
            ctx.log.info("stepping", index=index)
    return n


@pytest.fixture
def job(client: Client, queue: str, start_runner: StartRunner) -> Job:
    start_runner(measured)
    return client.jobs.submit(measured, 10, queue=queue).wait(timeout=30)


def test_gives_a_table_with_the_schema_of_the_documentation(client: Client, job: Job) -> None:
    table = client.query_spans(job=job.id).to_arrow()
    assert table.num_rows == 13
    assert table.schema.field("start_time").type == pa.timestamp("ns", "UTC")
    assert pa.types.is_dictionary(table.schema.field("name").type)
    assert table.schema.field("duration_ns").type == pa.int64()


def test_gives_a_table_of_no_rows_with_its_schema(client: Client, job: Job) -> None:
    full = client.query_spans(job=job.id).to_arrow()
    none = client.query_spans(job=job.id, name="nothing").to_arrow()
    assert none.num_rows == 0
    assert none.schema.names == full.schema.names
    assert client.query_spans(job=[]).to_arrow().num_rows == 0


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [
        ({"name": "step"}, 10),
        ({"name": {"prefix": "st"}}, 10),
        ({"name": ["step", {"contains": "asure"}]}, 13),
        ({"type": "attempt"}, 1),
        ({"type": ["task", "JOB"]}, 2),
        ({"kind": "internal", "type": "user"}, 10),
        ({"attributes": {"index": 3}}, 1),
        ({"attributes": {"index": {"gte": 2.5, "lt": 5}}}, 2),
        ({"attributes": {"ratio": 1}}, 1),
        ({"attributes": {"even": True}}, 5),
        ({"attributes": {"label": {"contains": "step"}}}, 10),
        ({"attributes": {"label": {"exists": True}}}, 10),
        ({"attributes": {"index": {"ne": 3}}}, 9),
        ({"not_": {"name": "step"}}, 3),
        ({"or_": [{"type": "job"}, {"attributes": {"index": 1}}]}, 2),
        ({"and_": [{"type": "user"}, {"attributes": {"even": False}}]}, 5),
        ({"open": True}, 0),
        ({"duration": (None, timedelta(hours=1))}, 13),
        ({"start": (datetime(2020, 1, 1, tzinfo=timezone.utc), None)}, 13),
        ({"start": (None, 10**18)}, 0),
        ({"outcome": "success"}, 3),
        ({"name": []}, 0),
        ({"trigger": {"type": "manual"}}, 13),
    ],
)
def test_selects_by_conditions(client: Client, job: Job, conditions: Any, rows: int) -> None:
    assert client.query_spans(job=job.id, **conditions).to_arrow().num_rows == rows


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"jobs": "x"}, 'cannot query: condition "jobs" is not known'),
        ({"type": "thing"}, 'cannot query: type is "thing", must be one of job, task, attempt, user'),
        ({"trace": "xyz"}, 'cannot query: trace is "xyz", must be 32 hex digits'),
        ({"name": {"like": "x"}}, "cannot query: name is {'like': 'x'}, must be text or one of"),
        ({"start": (datetime(2020, 1, 1), None)}, "must be a datetime with a time zone"),
        ({"limit": 0}, "cannot query: limit is 0, must be a whole number from 1"),
        ({"attributes": {"a": {"above": 1}}}, '"above" is none of'),
        ({"attributes": {"a": None}}, "must be text, a number or a bool"),
        ({"job": 5}, "cannot query: job is 5, must be text or a list of it"),
    ],
)
def test_refuses_conditions_where_they_are_written(client: Client, conditions: Any, message: str) -> None:
    with pytest.raises(SpanloomError) as caught:
        client.query_spans(**conditions)
    assert caught.value.reason == "INVALID_FIELD"
    assert message in str(caught.value)


def test_projects_orders_and_limits(client: Client, job: Job) -> None:
    query = client.query_spans(job=job.id, name="step").where(attributes={"even": True})
    index = AttributeColumn("index", type="int64")
    table = query.columns("name", index).order_by("-start_time").limit(3).to_arrow()
    assert table.schema.names == ["name", "index"]
    assert table.column("index").to_pylist() == [8, 6, 4]


def test_aggregates(client: Client, job: Job) -> None:
    query = client.query_spans(job=job.id)
    table = query.aggregate(group_by="type", measures=["count", "p99"], order_by="-count").to_arrow()
    assert table.schema.names == ["type", "count", "p99_ns"]
    assert table.column("count").to_pylist() == [10, 1, 1, 1]
    buckets = query.aggregate(measures="count", time_bucket=timedelta(days=1)).to_arrow()
    assert sum(buckets.column("count").to_pylist()) == 13
    with pytest.raises(SpanloomError, match='measure is "median"'):
        query.aggregate(measures="median")  # type: ignore[arg-type]


def test_explains_and_compares_jobs(client: Client, job: Job) -> None:
    path = client.critical_path(job.id).to_arrow()
    (span,) = client.query_spans(job=job.id, type="job").to_arrow().to_pylist()
    assert sum(path.column("duration_ns").to_pylist()) == span["duration_ns"]
    assert client.compare(job.id, job.id).to_arrow().num_rows == 4


def test_gives_logs(client: Client, job: Job) -> None:
    table = client.query_logs(job=job.id, min_severity="INFO", body={"prefix": "step"}).limit(4).to_arrow()
    assert table.num_rows == 4
    assert client.query_logs(job=job.id, min_severity="WARN").to_arrow().num_rows == 0


def test_gives_data_frames(client: Client, job: Job) -> None:
    query = client.query_spans(job=job.id).columns("name", "duration_ns", "start_time", "attributes")
    pandas_frame = query.to_pandas()
    assert list(pandas_frame.columns) == ["name", "duration_ns", "start_time", "attributes"]
    assert str(pandas_frame["name"].dtype) == "category"
    polars_frame = query.to_polars()
    assert polars_frame.shape == (13, 4)
    assert polars_frame["duration_ns"].to_list() == pandas_frame["duration_ns"].to_list()


@pytest.mark.parametrize("extension", ["parquet", "arrow"])
def test_writes_files_whole(client: Client, job: Job, tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"spans.{extension}"
    assert client.query_spans(job=job.id).to_file(path) == 13
    read = pq.read_table(path) if extension == "parquet" else pa.ipc.open_file(path).read_all()
    assert read.num_rows == 13
    assert [each.name for each in tmp_path.glob("spans*")] == [path.name]


def test_gives_up_an_answer_that_nobody_reads_to_its_end(client: Client, job: Job) -> None:
    batches = client.query_spans(job=job.id).batches()
    first = next(batches)
    assert first.num_rows > 0
    batches.close()  # type: ignore[attr-defined]
    assert client.query_spans(job=job.id).to_arrow().num_rows == 13


class Source:
    """Bytes as they come off the wire."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.into: list[int] = []

    def read(self, size: int, /) -> bytes:
        part, self.data = self.data[:size], self.data[size:]
        return part

    def readinto(self, buffer: Any, /) -> int:
        # A few at a time, as sockets give them.
        part = self.read(min(len(buffer), 1000))
        buffer[: len(part)] = part
        self.into.append(len(part))
        return len(part)


def ipc_of(rows: int) -> bytes:
    table = pa.table({"n": list(range(rows))})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_receives_batches_into_aligned_memory_that_they_are_views_of(rows: int) -> None:
    chunk = query_service_pb2.ArrowChunk(ipc=ipc_of(rows), rows=rows)
    message = query_service_pb2.QuerySpansResponse(chunk=chunk).SerializeToString()
    source = Source(message + b"next")
    buffer = read_chunk(source, len(message))
    assert buffer is not None
    assert source.data == b"next"
    assert buffer.address % 64 == 0
    for _, batch in batches_of(buffer):
        if batch is None or batch.num_rows == 0:
            continue
        values = batch.column(0).buffers()[1]
        assert values is not None
        assert buffer.address <= values.address < buffer.address + buffer.size
        assert values.address % 8 == 0


@pytest.mark.parametrize("data", [b"\xff" * 40, b"\x0a\x05\x0a\x7f", b"\x0a", b"\x0a\xff\xff\xff\xff\xff\xff"])
def test_tells_of_messages_that_are_broken(data: bytes) -> None:
    with pytest.raises((SpanloomError, ConnectionError)):
        read_chunk(Source(data), len(data))


def test_tells_of_arrow_that_is_broken() -> None:
    garbage = struct.pack("<iI", -1, 1000) + b"x" * 1000
    with pytest.raises(SpanloomError, match="its Arrow bytes are broken"):
        list(batches_of(pa.py_buffer(garbage)))


def test_follows_spans_until_the_job_has_ended(client: Client, queue: str, start_runner: StartRunner) -> None:
    handle = client.jobs.submit(measured, 3, queue=queue)
    batches = iter(client.query_spans(job=handle.id).columns("name", "type", "end_time").tail(existing=True))
    first = next(batches)
    assert first.column("end_time").null_count == first.num_rows > 0
    start_runner(measured)
    rest = pa.Table.from_batches([first, *batches])
    ended = rest.filter(pc.is_valid(rest["end_time"]))
    assert {"job", "task", "attempt", "user"} == set(ended["type"].to_pylist())


def test_follows_logs_from_where_an_earlier_tail_was(client: Client, job: Job) -> None:
    query = client.query_logs(job=job.id).columns("body")
    earlier = query.tail(existing=True)
    assert sum(batch.num_rows for batch in earlier) == 10
    assert earlier.position != ""
    assert list(query.tail(position=earlier.position)) == []


def test_goes_on_when_the_server_was_away(own_server: Server) -> None:
    with Client(own_server.url) as client:
        handle = client.jobs.submit(measured, 3)
        tail = client.query_spans(job=handle.id).columns("name").tail(existing=True)
        lost: list[SpanloomError] = []
        tail.on_interrupted = lost.append
        batches = iter(tail)
        assert next(batches).num_rows > 0
        own_server.stop(signal.SIGKILL)
        own_server.start()
        with Runner(own_server.url, tasks=[measured], log=lambda _: None):
            names = {name for batch in batches for name in batch.column("name").to_pylist()}
        assert "step" in names
        assert lost


def test_ends_a_tail_from_another_thread(client: Client) -> None:
    tail = client.query_spans(name="nothing").tail()
    done = threading.Event()

    def follow() -> None:
        assert list(tail) == []
        done.set()

    threading.Thread(target=follow).start()
    tail.close()
    assert done.wait(30)


@pytest.mark.parametrize("more", [{"order_by": "name"}, {"limit": 1}])
def test_follows_in_no_order_and_without_a_limit(client: Client, more: Any) -> None:
    with pytest.raises(SpanloomError, match="cannot follow: "):
        client.query_spans(**more).tail()
