"""How tasks written in Python look as a trace, beside the same job in TypeScript."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

from spanloom import Client, TaskContext, task

from .conftest import ROOT, Server, StartRunner, node, until

# Of an attempt's own making or the machine's: everything else must be the same in both languages.
_TIMES = ("spanloom.queued_ms", "spanloom.run_ms", "spanloom.blocked_ms", "spanloom.backoff_ms")
_IDS = (
    "spanloom.job.id",
    "spanloom.task.id",
    "spanloom.runner.id",
    "messaging.message.id",
    "messaging.message.conversation_id",
    "messaging.destination.name",
    "spanloom.queue",
    "exception.stacktrace",
    "spanloom.clock_offset_ms",
)


@task(name="child")
def child(n: int, ctx: TaskContext) -> int:
    with ctx.span("inner", {"n": n}):
        ctx.log.info("squared", n=n)
    return n * n


@task(name="failing", optional=True)
def failing(nothing: None, ctx: TaskContext) -> None:
    with ctx.span("breaking"):
        raise RuntimeError("broken")


@task(name="parent")
async def parent(count: int, ctx: TaskContext) -> str:
    with ctx.span("outer", {"kind": "test", "ratio": 0.5, "flags": [True, False]}) as span:
        span.add_event("half way", {"at": 1})
        await asyncio.sleep(0)
        with ctx.tracer.start_as_current_span("nested"):
            ctx.log.warn("careful", where="nested")
    trace.get_current_span().set_attribute("own", "value")
    children = ctx.submit_many(child, list(range(count)))
    ctx.submit(failing, depends_on=children)
    return "done"


TYPESCRIPT = """
import { Client, task } from "@spanloom/sdk";
import { Runner } from "@spanloom/runner";
import { trace } from "@opentelemetry/api";
const child = task({ name: "child", async run(n, ctx) {
  ctx.span("inner", () => ctx.log.info("squared", { n }), { attributes: { n } });
  return n * n;
} });
const failing = task({ name: "failing", optional: true, run(_, ctx) {
  ctx.span("breaking", () => { const error = new Error("broken"); error.name = "RuntimeError"; throw error; });
} });
const parent = task({ name: "parent", async run(count, ctx) {
  await ctx.span("outer", async (span) => {
    span.addEvent("half way", { at: 1 });
    await Promise.resolve();
    ctx.span("nested", () => ctx.log.warn("careful", { where: "nested" }));
  }, { attributes: { kind: "test", ratio: 0.5, flags: [true, false] } });
  trace.getActiveSpan().setAttribute("own", "value");
  const children = ctx.submitMany(child, Array.from({ length: count }, (_, i) => i));
  ctx.submit(failing, undefined, { dependsOn: children });
  return "done";
} });
const [url, queue, ...names] = process.argv.slice(2);
const tasks = [child, failing, parent].filter(({ name }) => names.includes(name));
const runner = new Runner({ url, queues: [queue], tasks });
await runner.start();
const client = new Client({ url });
const handle = await client.jobs.submit(parent, 3, { queue, name: "compared" });
await handle.wait();
await runner.stop();
console.log(handle.id);
process.exit(0);
"""


def run_typescript(
    server: Server, queue: str, folder: Path, names: tuple[str, ...] = ("parent", "child", "failing")
) -> str:
    """Runs the same job by a TypeScript runner that has the tasks of these names; gives its id."""
    # Beside the packages it imports.
    program = ROOT / "packages" / "runner" / f".python-comparison-{folder.name}.mjs"
    program.write_text(TYPESCRIPT)
    try:
        output = subprocess.run(
            [node(), str(program), server.url, queue, *names], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    finally:
        program.unlink()
    return output.strip().splitlines()[-1]


def tree_of(client: Client, job_id: str) -> list[Any]:
    """The spans of a job as a tree, without what differs from run to run."""
    rows = client.query_spans(job=job_id).to_arrow().to_pylist()
    by_id = {row["span_id"]: row for row in rows}

    def name_of(span_id: str | None) -> str | None:
        row = by_id.get(span_id or "")
        return row["name"] if row else None

    def plain(row: dict[str, Any]) -> Any:
        attributes = {key: value for key, value in row["attributes"] if key not in (*_TIMES, *_IDS)}
        present = sorted(key for key, _ in row["attributes"] if key not in _TIMES)
        events = [
            (event["name"], {key: value for key, value in event["attributes"] if key not in _IDS})
            for event in row["events"]
            if event["name"] in ("exception", "half way")
        ]
        types = dict(row["attribute_types"]) if row.get("attribute_types") else {}
        links = sorted(
            (dict(link["attributes"]).get("spanloom.link.type"), name_of(link["span_id"])) for link in row["links"]
        )
        return (
            row["name"],
            row["type"],
            row["kind"],
            name_of(row["parent_span_id"]),
            row["status"],
            row["status_message"],
            row["scope_name"] if row["type"] != "user" else "",
            attributes,
            present,
            {key: value for key, value in types.items() if key not in _TIMES},
            events,
            links,
        )

    return sorted((plain(row) for row in rows), key=lambda row: json.dumps(row, default=str))


def logs_of(client: Client, job_id: str) -> list[Any]:
    rows = client.query_logs(job=job_id).to_arrow().to_pylist()
    names = {row["span_id"]: row["name"] for row in client.query_spans(job=job_id).to_arrow().to_pylist()}
    return sorted(
        (
            row["body"],
            row["severity"],
            row["severity_number"],
            names[row["span_id"]],
            sorted((key, value) for key, value in row["attributes"] if key not in _IDS),
            sorted(key for key, _ in row["attributes"]),
        )
        for row in rows
    )


def test_makes_the_same_tree_as_typescript(
    client: Client, server: Server, queue: str, start_runner: StartRunner, tmp_path: Path
) -> None:
    theirs = run_typescript(server, f"{queue}-ts", tmp_path)
    start_runner(child, failing, parent)
    ours = client.jobs.submit(parent, 3, queue=queue, name="compared").wait(timeout=30)
    assert ours.state == "SUCCEEDED"
    assert tree_of(client, ours.id) == tree_of(client, theirs)
    assert logs_of(client, ours.id) == logs_of(client, theirs)


@pytest.mark.parametrize("theirs", [("parent",), ("child", "failing")])
def test_runs_a_job_whose_tasks_are_written_in_both_languages(
    client: Client, server: Server, queue: str, start_runner: StartRunner, tmp_path: Path, theirs: tuple[str, ...]
) -> None:
    start_runner(*(each for each in (parent, child, failing) if each.name not in theirs))
    mixed = run_typescript(server, queue, tmp_path, theirs)
    alone = run_typescript(server, f"{queue}-ts", tmp_path)
    assert client.jobs.get(mixed).state == "SUCCEEDED"
    assert tree_of(client, mixed) == tree_of(client, alone)
    rows = client.query_spans(job=mixed, type="user").to_arrow().to_pylist()
    languages = {dict(row["resource_attributes"])["telemetry.sdk.language"] for row in rows}
    assert languages == {"nodejs", "python"}
    assert len({row["trace_id"] for row in rows}) == 1


def test_correlates_logging_with_the_active_span(client: Client, queue: str, start_runner: StartRunner) -> None:
    @task
    def logging_task(ctx: TaskContext) -> None:
        with ctx.span("work"):
            logging.getLogger("app").warning("disk at %d %%", 91, extra={"disk": "sda"})
            try:
                raise ValueError("bad")
            except ValueError:
                logging.getLogger("app").exception("failed")

    start_runner(logging_task)
    job = client.jobs.submit(logging_task, queue=queue).wait(timeout=30)
    rows = client.query_logs(job=job.id).to_arrow().to_pylist()
    (work,) = client.query_spans(job=job.id, name="work").to_arrow().to_pylist()
    assert [row["body"] for row in rows] == ["disk at 91 %", "failed"]
    assert {row["span_id"] for row in rows} == {work["span_id"]}
    first, second = (dict(row["attributes"]) for row in rows)
    assert (first["disk"], first["logger.name"]) == ("sda", "app")
    assert (second["exception.type"], second["exception.message"]) == ("ValueError", "bad")
    assert second["spanloom.task.id"] == work["task_id"]


def test_collects_spans_of_any_tracer_and_of_async_gathers(
    client: Client, queue: str, start_runner: StartRunner
) -> None:
    tracer = trace.get_tracer("library")

    @task
    async def gathering() -> None:
        async def one(name: str) -> None:
            with tracer.start_as_current_span(name):
                await asyncio.sleep(0.001)

        await asyncio.gather(*(one(f"part {n}") for n in range(5)))
        await asyncio.to_thread(lambda: tracer.start_span("in a thread").end())

    start_runner(gathering)
    job = client.jobs.submit(gathering, queue=queue).wait(timeout=30)
    rows = client.query_spans(job=job.id).to_arrow().to_pylist()
    (attempt,) = [row for row in rows if row["type"] == "attempt"]
    users = {row["name"]: row["parent_span_id"] for row in rows if row["type"] == "user"}
    assert users == dict.fromkeys(("in a thread", *(f"part {n}" for n in range(5))), attempt["span_id"])


def test_keeps_hostile_attributes_from_failing_the_task(client: Client, queue: str, start_runner: StartRunner) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

    @task
    def hostile(ctx: TaskContext) -> str:
        circle: list[Any] = []
        circle.append(circle)
        deep: Any = "bottom"
        for _ in range(50):
            deep = [deep]
        ctx.log.info("odd \ud800", circle=circle, deep=deep, hostile=Hostile(), big=2**80, raw=b"\x00\xff")
        logging.getLogger("app").error("%d", 1)
        with ctx.span("odd \udfff") as span:
            span.set_attribute("text", "\ud800")
        return "fine"

    start_runner(hostile)
    job = client.jobs.submit(hostile, queue=queue).wait(timeout=30)
    assert job.output == "fine"
    first = client.query_logs(job=job.id).to_arrow().to_pylist()[0]
    attributes = dict(first["attributes"])
    assert attributes["hostile"] == "[unreadable]"
    assert "[circular]" in attributes["circle"]
    assert "[nested too deep]" in attributes["deep"]
    assert attributes["big"] == str(2**80)
    assert client.query_spans(job=job.id, name="odd \ufffd").to_arrow().num_rows == 1


def test_continues_the_trace_of_whoever_submits(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(child)
    carrier = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for tags in [
        {"traceparent": carrier, "baggage": "user=ada", "team": "math"},
        {"Traceparent": f" {carrier}", "Tracestate": "a=b", "team": "math"},
    ]:
        job = client.jobs.submit(child, 2, queue=queue, tags=tags).wait(timeout=30)
        assert job.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert job.tags == {"team": "math"}


def test_leaves_a_malformed_trace_context_among_the_tags(client: Client, queue: str, start_runner: StartRunner) -> None:
    start_runner(child)
    tags = {"traceparent": "00-0-0-01", "tracestate": "a=b"}
    assert client.jobs.submit(child, 2, queue=queue, tags=tags).wait(timeout=30).tags == tags


def test_records_no_user_spans_of_a_job_that_is_not_sampled(
    client: Client, queue: str, start_runner: StartRunner
) -> None:
    start_runner(child)
    tags = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"}
    job = client.jobs.submit(child, 2, queue=queue, tags=tags).wait(timeout=30)
    types = client.query_spans(job=job.id).columns("type").to_arrow().column("type").to_pylist()
    assert sorted(types) == ["attempt", "job", "task"]


@pytest.mark.parametrize("tracing", [True, False])
def test_passes_trace_context_on_with_tracing_or_without(
    client: Client, queue: str, start_runner: StartRunner, tracing: bool
) -> None:
    @task
    def telling(ctx: TaskContext) -> list[str]:
        with ctx.span("made when tracing"):
            context = trace.get_current_span().get_span_context()
        return [f"{context.trace_id:032x}", context.trace_state.get("spanloom", "")]

    start_runner(telling, tracing=tracing)
    job = client.jobs.submit(telling, queue=queue).wait(timeout=30)
    found = next(client.jobs.tasks(job.id))
    assert job.output == [job.trace_id, f"{job.id}_{found.id}_1"]
    assert client.query_spans(job=job.id, type="user").to_arrow().num_rows == int(tracing)


def test_keeps_what_ends_after_its_attempt(client: Client, queue: str, start_runner: StartRunner) -> None:
    go_on = threading.Event()
    threads: list[threading.Thread] = []

    @task
    def leaving(ctx: TaskContext) -> None:
        span = ctx.tracer.start_span("left behind")

        def end() -> None:
            go_on.wait(30)
            ctx.log.info("late")
            span.end()

        threads.append(threading.Thread(target=end))
        threads[0].start()

    runner = start_runner(leaving)
    job = client.jobs.submit(leaving, queue=queue).wait(timeout=30)
    go_on.set()
    threads[0].join()
    runner.stop()
    (row,) = client.query_spans(job=job.id, name="left behind").to_arrow().to_pylist()
    assert row["task_name"] == "leaving"
    assert client.query_logs(job=job.id).to_arrow().num_rows == 1


def test_shows_spans_that_are_open_for_long(client: Client, queue: str, start_runner: StartRunner) -> None:
    go_on = threading.Event()

    @task
    def lasting(ctx: TaskContext) -> None:
        with ctx.span("open"):
            go_on.wait(60)

    start_runner(lasting)
    handle = client.jobs.submit(lasting, queue=queue)
    query = client.query_spans(job=handle.id, name="open")
    (row,) = until(lambda: query.to_arrow().to_pylist(), "the span to be shown")
    assert row["end_time"] is None
    go_on.set()
    assert handle.wait(timeout=30).state == "SUCCEEDED"
    (row,) = query.to_arrow().to_pylist()
    assert row["end_time"] is not None


def test_writes_each_record_once_however_many_runners_there_are(
    client: Client, queue: str, start_runner: StartRunner
) -> None:
    @task
    def logging_once() -> None:
        logging.getLogger("app").warning("once")

    before = list(logging.getLogger().handlers)
    runners = [start_runner(logging_once), start_runner(logging_once)]
    job = client.jobs.submit(logging_once, queue=queue).wait(timeout=30)
    assert client.query_logs(job=job.id).to_arrow().num_rows == 1
    for runner in runners:
        runner.stop()
    assert logging.getLogger().handlers == before
