import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  type ArrowChunk,
  JobService,
  type LeasedTask,
  QueryService,
  TaskResultSchema,
  TaskService,
  withOrigin,
} from "@spanloom/protocol";
import type { SpanSchema } from "@spanloom/protocol/otlp";
import { tempDir } from "@spanloom/testing";
import { expect, it } from "vitest";
import { startServer } from "./server.ts";
import { attribute, logPayload, logRecord, rowsOf, span, tracePayload } from "./telemetry/ingest/otlp-fixture.ts";
import { transportTo } from "./testing/server-program.ts";

const HOUR_NS = 3_600_000_000_000n;
const nowNs = () => BigInt(Date.now()) * 1_000_000n;

interface Row {
  name: string;
  type: string;
  time: bigint;
  start_time: bigint;
  end_time: bigint;
  attributes: [string, string][];
  events: { time: bigint }[];
}

/** A span below a task's attempt, as a process whose clock is `offNs` off records it. */
function userSpan(
  { trace, spanId, taskId, jobId, attempt }: LeasedTask,
  n: number,
  offNs: bigint,
  rest: MessageInitShape<typeof SpanSchema> = {},
) {
  const startTimeUnixNano = nowNs() + offNs;
  return span(n, {
    traceId: Buffer.from(trace?.traceparent.split("-")[1] ?? "", "hex"),
    parentSpanId: Buffer.from(spanId, "hex"),
    traceState: withOrigin("", { jobId, taskId, attempt }),
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano + 1_000n,
    ...rest,
  });
}

function readRows(chunk: ArrowChunk | undefined): Row[] {
  return chunk ? (rowsOf(chunk.ipc) as unknown as Row[]) : [];
}

it.each([-3n * HOUR_NS, 3n * HOUR_NS])(
  "times of a runner are stored by the server's clock: off by %d ns",
  async (offNs) => {
    using dir = tempDir();
    const server = await startServer({ dataDir: dir.path, port: 0 });
    await using _ = { [Symbol.asyncDispose]: () => server.stop() };
    const transport = transportTo(server.url);
    const [jobs, tasks] = [createClient(JobService, transport), createClient(TaskService, transport)];
    const { job } = await jobs.submitJob({
      name: "skewed",
      tasks: { specs: [{ identifier: { name: "work" } }], groups: [{ inputs: [new Uint8Array()], specs: [0] }] },
    });
    const runnerId = crypto.randomUUID();
    await tasks.heartbeat({ runnerId, sentAtUnixNano: nowNs() + offNs });
    const claim = { runnerId, identifiers: [{ name: "work" }], maxTasks: 1 };
    const [task] = (await tasks.leaseTasks(claim)).tasks as [LeasedTask];
    const { taskId, attempt, leaseToken } = task;
    const named = [attribute("spanloom.task.id", taskId), attribute("spanloom.task.attempt", BigInt(attempt))];
    const events = [{ name: "halfway", timeUnixNano: nowNs() + offNs }];
    const traces = [tracePayload([userSpan(task, 1, offNs, { events, attributes: named })])];
    const trace = { traceId: Buffer.from(task.trace?.traceparent.split("-")[1] ?? "", "hex") };
    const logs = [logPayload([logRecord(1, { ...trace, timeUnixNano: nowNs() + offNs, attributes: named })])];
    const outcome = { case: "success" as const, value: { output: new Uint8Array() } };
    const results = [create(TaskResultSchema, { taskId, attempt, leaseToken, outcome: outcome as never })];
    await tasks.leaseTasks({ runnerId, results, telemetry: { traces, logs } });
    // Any other process that sends plain OTLP keeps what it says, whatever its clock shows.
    const elsewhere = userSpan(task, 2, offNs);
    const headers = { "content-type": "application/x-protobuf" };
    await fetch(`${server.url}/v1/traces`, {
      method: "POST",
      headers,
      body: new Uint8Array(tracePayload([elsewhere])),
    });

    const query = createClient(QueryService, transport);
    const rows: Row[] = [];
    for await (const { chunk } of query.querySpans({ filter: { jobIds: [job!.id] } })) rows.push(...readRows(chunk));
    const logRows: Row[] = [];
    for await (const { chunk } of query.queryLogs({ filter: { taskIds: [taskId] } })) logRows.push(...readRows(chunk));
    const row = (name: string) => rows.find((each) => each.name === name && each.type !== "task")!;
    const ran = row("work");
    const user = row("span 1");
    for (const time of [user.start_time, user.end_time, user.events[0]!.time, logRows[0]!.time]) {
      expect(time).toBeGreaterThanOrEqual(ran.start_time);
      expect(time).toBeLessThanOrEqual(ran.end_time);
    }
    expect(user.end_time).toBeGreaterThanOrEqual(user.start_time);
    const attributes = Object.fromEntries(ran.attributes);
    expect(Number(attributes["spanloom.clock_offset_ms"]) / 3_600_000).toBeCloseTo(offNs < 0n ? 3 : -3, 1);
    expect(row("span 2").start_time).toBe(elsewhere.startTimeUnixNano);
  },
);
