"""Spans of a client's calls, in the trace of an application that has a tracer provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from spanloom import Client

from .conftest import Server

HERE = Path(__file__).resolve().parent.parent

# In a process of its own: OpenTelemetry takes one provider a process.
PROGRAM = """
import json, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from spanloom import Client, SpanloomError, SpanloomSpanProcessor, Runner, task
from tests.tasks import double
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
provider.add_span_processor(SpanloomSpanProcessor())
trace.set_tracer_provider(provider)
url, queue = sys.argv[1:]

@task
def work(n: int) -> int:
    with trace.get_tracer("library").start_as_current_span("from a library"):
        return n

jobs = []
with Client(url) as client, Runner(url, tasks=[work], queues=[queue]):
    with trace.get_tracer("app").start_as_current_span("request"):
        handle = client.jobs.submit(work, 1, queue=queue)
    handle.wait()
    client.jobs.submit_many(double, [1, 2], queue=queue)
    try:
        client.jobs.cancel("0190163d-8694-739b-aea5-966c26f8ad90")
    except SpanloomError:
        pass
    Client(url, tracing=False).jobs.submit(double, 1, queue=queue)
spans = [{"name": s.name, "kind": s.kind.name, "attributes": dict(s.attributes), "status": s.status.status_code.name,
          "id": f"{s.context.span_id:016x}", "parent": f"{s.parent.span_id:016x}" if s.parent else None}
         for s in exporter.get_finished_spans()]
print(json.dumps({"job": handle.id, "spans": spans}))
"""


def test_makes_a_span_for_each_call_that_asks_for_work(server: Server, client: Client, queue: str) -> None:
    command = [sys.executable, "-c", PROGRAM, server.url, queue]
    done = subprocess.run(
        command, cwd=HERE, env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    named = {span["name"]: span for span in told["spans"]}
    request, submit = named["request"], named[f"submit {queue}"]
    assert [span["name"] for span in told["spans"] if span["name"].startswith("submit")] == [f"submit {queue}"] * 2
    single = next(s for s in told["spans"] if s["attributes"].get("messaging.message.id") == told["job"])
    assert (single["kind"], single["parent"]) == ("PRODUCER", request["id"])
    assert single["attributes"]["messaging.operation.type"] == "send"
    assert single["attributes"]["spanloom.job.id"] == told["job"]
    assert submit["attributes"]["messaging.batch.message_count"] == 2
    cancel = named["cancel"]
    assert (cancel["status"], cancel["attributes"]["error.type"]) == ("ERROR", "JOB_NOT_FOUND")
    # What a library traces within a task reaches both; the job hangs below the span of its submission.
    assert "from a library" in named
    rows = {row["name"]: row for row in client.query_spans(job=told["job"]).to_arrow().to_pylist()}
    assert rows["job work"]["parent_span_id"] == single["id"]
    assert rows["from a library"]["span_id"] == named["from a library"]["id"]
