import { create, toBinary } from "@bufbuild/protobuf";
import { AttemptOutcome, attemptSpanId, firingSpan, JobState, spanIdOf, TaskState } from "@spanloom/protocol";
import { SpanSchema } from "@spanloom/protocol/otlp";
import { newSignal } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../clock.ts";
import type { InsertBatch } from "../columnar/span-store.ts";
import { attribute, idBytes, rowsOf } from "../ingest/otlp-fixture.ts";
import { attemptRecord, fixtureId, jobRecord, LifecycleFixture, startUs, taskRecord } from "./lifecycle-fixture.ts";
import { Projector } from "./projector.ts";

const jobId = fixtureId(1);
const rootId = fixtureId(2);
const childId = fixtureId(3);

/** A clock whose timers the test fires. */
class ManualClock implements Clock {
  us = startUs;
  readonly timers: { callback: () => void; delayMs: number }[] = [];
  nowUs(): number {
    return this.us;
  }
  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { callback, delayMs };
    this.timers.push(timer);
    return () => void this.timers.splice(this.timers.indexOf(timer), 1);
  }
}

function setUp() {
  const store = new LifecycleFixture();
  const clock = new ManualClock();
  const batches: InsertBatch[] = [];
  let insert = async (batch: InsertBatch): Promise<void> => void batches.push(batch);
  const projector = new Projector({ store, clock, log: () => undefined, insert: (batch) => insert(batch) });
  const rows = () => rowsOf(...batches.map(({ ipc }) => ipc));
  const insertWith = (other: typeof insert) => {
    insert = other;
  };
  return { store, clock, batches, projector, rows, insertWith };
}

async function project(...records: Parameters<LifecycleFixture["put"]>) {
  const { store, projector, rows } = setUp();
  store.put(...records);
  projector.note(new Set([jobId]), new Set(store.tasks.keys()));
  await projector.flush();
  const bySpan = new Map(rows().map((row) => [row.span_id as string, row]));
  return { row: (id: string) => bySpan.get(id)!, rows: rows() };
}

const entries = (row: Record<string, unknown>, column: string) => Object.fromEntries(row[column] as [string, string][]);
const eventNames = (row: Record<string, unknown>) => (row.events as { name: string }[]).map(({ name }) => name);

describe("lifecycle spans", () => {
  it("hang children under the attempt that submitted them, and roots under the job", async () => {
    const child = taskRecord(childId, jobId, { parentId: rootId, parentAttempt: 2 });
    const root = taskRecord(rootId, jobId, { attempts: [attemptRecord(1), attemptRecord(2)] });
    const { row, rows } = await project(jobRecord(jobId), root, child);
    expect(row(spanIdOf(jobId))).toMatchObject({
      name: "job audit",
      kind: "PRODUCER",
      type: "job",
      parent_span_id: "0".repeat(16),
    });
    expect(row(spanIdOf(rootId))).toMatchObject({
      name: "task walk",
      kind: "INTERNAL",
      parent_span_id: spanIdOf(jobId),
    });
    expect(row(spanIdOf(childId)).parent_span_id).toBe(attemptSpanId(rootId, 2));
    expect(row(attemptSpanId(childId, 1))).toMatchObject({
      name: "walk",
      kind: "CONSUMER",
      parent_span_id: spanIdOf(childId),
      attempt: 1,
    });
    expect(new Set(rows.map(({ trace_id: id }) => id))).toEqual(new Set([jobId.replaceAll("-", "")]));
  });

  it("tell attempts that the job's retry brought about from those before", async () => {
    const attempts = [1, 2, 3].map((number) => attemptRecord(number));
    const { row } = await project(
      jobRecord(jobId, { retriedAtUs: attempts[1]!.leasedAtUs, trigger: { type: "clone", depth: 0 } }),
      taskRecord(rootId, jobId, { attempts }),
    );
    const spans = [spanIdOf(jobId), spanIdOf(rootId), ...attempts.map(({ number }) => attemptSpanId(rootId, number))];
    expect(spans.map((id) => entries(row(id), "attributes")["spanloom.trigger.type"])).toEqual([
      "clone",
      "clone",
      "clone",
      "retry",
      "retry",
    ]);
  });

  it("carry exact nanoseconds, and no end while open", async () => {
    const open = taskRecord(rootId, jobId, {
      state: TaskState.RUNNING,
      attempts: [attemptRecord(1, { outcome: AttemptOutcome.UNSPECIFIED })],
    });
    delete open.endedAtUs;
    const { row } = await project(jobRecord(jobId, { createdAtUs: startUs + 1 }), open);
    expect(row(spanIdOf(jobId))).toMatchObject({
      start_time: BigInt(startUs + 1) * 1000n,
      duration_ns: 8_999_000n,
      outcome: "success",
    });
    expect(row(spanIdOf(rootId))).toMatchObject({ duration_ns: -1n, outcome: "" });
  });

  it("record a failed attempt as exception with status ERROR and error.type, and the retry that follows", async () => {
    const failed = attemptRecord(1, {
      outcome: AttemptOutcome.FAILURE,
      failure: { type: "TypeError", message: "boom", stack: "at x" },
    });
    const root = taskRecord(rootId, jobId, { attempts: [failed, attemptRecord(2, { backoffUs: 250_000 })] });
    const { row } = await project(jobRecord(jobId), root);
    const first = row(attemptSpanId(rootId, 1));
    expect(first).toMatchObject({ status: "ERROR", status_message: "boom", outcome: "failure" });
    expect(entries(first, "attributes")).toMatchObject({ "error.type": "TypeError", "spanloom.outcome": "failure" });
    expect(first.events).toMatchObject([
      {
        name: "exception",
        attributes: [
          ["exception.type", "TypeError"],
          ["exception.message", "boom"],
          ["exception.stacktrace", "at x"],
        ],
      },
    ]);
    const second = row(attemptSpanId(rootId, 2));
    expect(second).toMatchObject({
      status: "UNSET",
      links: [{ span_id: attemptSpanId(rootId, 1), attributes: [["spanloom.link.type", "retry"]] }],
    });
    const task = row(spanIdOf(rootId));
    expect(eventNames(task)).toEqual(["queued", "leased", "retry scheduled", "queued", "leased"]);
    expect(entries((task.events as Record<string, unknown>[])[2]!, "attributes")["spanloom.retry.delay_ms"]).toBe(
      "250",
    );
  });

  it("link dependencies and tell blocked, lost, cancelled and skipped", async () => {
    const lost = taskRecord(rootId, jobId, {
      state: TaskState.CANCELLED,
      attempts: [attemptRecord(1, { outcome: AttemptOutcome.LOST })],
    });
    const skipped = taskRecord(childId, jobId, {
      state: TaskState.SKIPPED,
      attempts: [],
      dependsOn: [rootId],
      dependencyCount: 3,
    });
    delete skipped.unblockedAtUs;
    delete skipped.queuedAtUs;
    const { row } = await project(jobRecord(jobId, { state: JobState.CANCELLED }), lost, skipped);
    expect(eventNames(row(spanIdOf(rootId)))).toEqual(["queued", "leased", "lost", "cancelled"]);
    expect(row(attemptSpanId(rootId, 1)).outcome).toBe("lost");
    const span = row(spanIdOf(childId));
    expect(eventNames(span)).toEqual(["blocked", "skipped"]);
    expect(span).toMatchObject({ outcome: "skipped", dropped_links: 2, links: [{ span_id: spanIdOf(rootId) }] });
    expect(entries(span, "attributes")["spanloom.blocked_ms"]).toBe("8");
  });

  it("measure waiting and running and speak the standard's words", async () => {
    const { row } = await project(
      jobRecord(jobId),
      taskRecord(rootId, jobId, { attempts: [attemptRecord(1, { droppedTelemetry: 4 })] }),
    );
    const attempt = row(attemptSpanId(rootId, 1));
    expect(entries(attempt, "attributes")).toEqual({
      "spanloom.span.type": "attempt",
      "spanloom.job.id": jobId,
      "spanloom.job.name": "audit",
      "spanloom.queue": "default",
      "spanloom.task.id": rootId,
      "spanloom.task.name": "walk",
      "spanloom.task.version": "1.2",
      "spanloom.task.attempt": "1",
      "spanloom.runner.id": "runner-1",
      "spanloom.trigger.type": "manual",
      "spanloom.outcome": "success",
      "spanloom.blocked_ms": "0",
      "spanloom.queued_ms": "0.5",
      "spanloom.backoff_ms": "0",
      "spanloom.run_ms": "0.7",
      "spanloom.dropped_telemetry": "4",
      "messaging.system": "spanloom",
      "messaging.operation.name": "process",
      "messaging.destination.name": "default",
      "messaging.message.id": rootId,
      "messaging.message.conversation_id": jobId,
    });
    expect(entries(attempt, "attribute_types")).toMatchObject({
      "spanloom.task.attempt": "int",
      "spanloom.run_ms": "double",
    });
  });

  it("merge what the code put on its attempt's span, and survive it being damaged", async () => {
    const extras = toBinary(
      SpanSchema,
      create(SpanSchema, {
        attributes: [attribute("rows", 5n)],
        events: [{ name: "cache miss", timeUnixNano: 5n }],
        links: [{ traceId: idBytes(16, 1), spanId: idBytes(8, 2) }],
        droppedEventsCount: 3,
      }),
    );
    const sound = attemptRecord(1, { spanExtras: extras });
    const damaged = attemptRecord(2, { spanExtras: extras.subarray(0, 8) });
    const { row } = await project(jobRecord(jobId), taskRecord(rootId, jobId, { attempts: [sound, damaged] }));
    const first = row(attemptSpanId(rootId, 1));
    expect(entries(first, "attributes").rows).toBe("5");
    expect(first).toMatchObject({
      dropped_events: 3,
      events: [{ name: "cache miss", time: 5n }],
      links: [{ span_id: "0100000000000002" }],
    });
    const second = row(attemptSpanId(rootId, 2));
    expect(second).toMatchObject({ name: "walk", attempt: 2, events: [] });
    expect(entries(second, "attributes")["spanloom.task.id"]).toBe(rootId);
  });

  it("stand in the submitter's trace in mode child, and link to it in mode link", async () => {
    const traceId = "ab".repeat(16);
    const inTrace = { ...jobRecord(jobId).trace, traceId, parentSpanId: "cd".repeat(8), tracestate: "v=1" };
    const child = await project(jobRecord(jobId, { trace: inTrace }));
    expect(child.row(spanIdOf(jobId))).toMatchObject({
      trace_id: traceId,
      parent_span_id: "cd".repeat(8),
      trace_state: "v=1",
    });
    const link = { traceId, spanId: "cd".repeat(8) };
    const linked = await project(jobRecord(jobId, { trace: { ...jobRecord(jobId).trace, link } }));
    expect(linked.row(spanIdOf(jobId)).links).toMatchObject([
      { trace_id: traceId, span_id: "cd".repeat(8), attributes: [["spanloom.link.type", "submitter"]] },
    ]);
  });
});

describe("Projector", () => {
  it("writes a task that starts and ends between flushes once", async () => {
    const { store, projector, clock, batches } = setUp();
    store.put(jobRecord(jobId), taskRecord(rootId, jobId));
    for (let i = 0; i < 5; i++) projector.note(new Set([jobId]), new Set([rootId]));
    expect(clock.timers.map(({ delayMs }) => delayMs)).toEqual([500]);
    await projector.flush();
    expect(batches.map(({ rows }) => rows)).toEqual([3]);
    expect(clock.timers).toEqual([]);
  });

  it("waits for a pause of the changes, but no longer than two seconds", async () => {
    const { store, projector, clock, batches } = setUp();
    store.put(jobRecord(jobId));
    for (let ms = 0; ms < 2_000 && batches.length === 0; ms += 250) {
      clock.us = startUs + ms * 1000;
      projector.note(new Set([jobId]), new Set());
      expect(clock.timers).toHaveLength(1);
      if (ms > 0) clock.timers.shift()?.callback();
      expect(batches).toEqual([]);
    }
    clock.us = startUs + 2_000_000;
    clock.timers.shift()?.callback();
    await projector.flush();
    projector.note(new Set([jobId]), new Set());
    clock.us += 250_000;
    clock.timers.shift()?.callback();
    await projector.flush();
    expect(batches).toHaveLength(2);
  });

  it("gives later projections higher versions, also when the clock stands still or the store knows later ones (I1)", async () => {
    const { store, projector, rows } = setUp();
    store.put(jobRecord(jobId));
    projector.startVersionsAfter(2n ** 62n);
    for (let i = 0; i < 3; i++) {
      projector.note(new Set([jobId]), new Set());
      await projector.flush();
    }
    expect(rows().map(({ version }) => version)).toEqual([2n ** 62n + 1n, 2n ** 62n + 2n, 2n ** 62n + 3n]);
  });

  it("projects again what is noted while it writes, and marks the job only after (I2)", async () => {
    const { store, projector, batches, insertWith } = setUp();
    const held = newSignal();
    store.put(jobRecord(jobId));
    insertWith(async (batch) => {
      batches.push(batch);
      await held.promise;
    });
    projector.note(new Set([jobId]), new Set());
    const first = projector.flush();
    while (batches.length === 0) await new Promise(setImmediate);
    projector.note(new Set([jobId]), new Set());
    const second = projector.flush();
    held.resolve();
    await first;
    expect(store.projected).toEqual([]);
    await second;
    expect(batches).toHaveLength(2);
    expect(store.projected).toEqual([jobId]);
  });

  it("keeps what it could not write and tries again later (I3)", async () => {
    const { store, projector, clock, batches, insertWith } = setUp();
    store.put(jobRecord(jobId));
    insertWith(() => Promise.reject(new Error("away")));
    projector.note(new Set([jobId]), new Set());
    await expect(projector.flush()).rejects.toThrow("away");
    expect(projector.pending).toBe(1);
    expect(store.projected).toEqual([]);
    insertWith(async (batch) => void batches.push(batch));
    clock.timers.shift()!.callback();
    await projector.flush();
    expect(batches).toHaveLength(1);
    expect(store.projected).toEqual([jobId]);
  });

  it("writes the firing of a job once, however often the job changes, and again only as the same row", async () => {
    const { store, projector, rows, insertWith, batches } = setUp();
    const source = { kind: "schedule", id: fixtureId(9), name: "nightly" } as const;
    store.put(jobRecord(jobId, { trigger: { type: "schedule", source, scheduledAtUs: startUs, depth: 0 } }));
    const flush = () => {
      projector.note(new Set([jobId]), new Set());
      return projector.flush();
    };
    insertWith(() => Promise.reject(new Error("away")));
    await expect(flush()).rejects.toThrow("away");
    insertWith(async (batch) => void batches.push(batch));
    await flush();
    await flush();
    expect(rows().map(({ name }) => name)).toEqual(["fire nightly", "job audit", "job audit"]);
    const [firing] = rows();
    const { traceId, spanId } = firingSpan(jobId);
    expect(firing).toMatchObject({ trace_id: traceId, span_id: spanId, job_id: "0".repeat(32), duration_ns: 0n });

    const another = setUp();
    another.clock.us += 1e6;
    another.store.put(store.jobs.get(jobId)!);
    await another.projector.recover();
    await another.projector.flush();
    expect(another.rows()[0]).toEqual(firing);
  });

  it("recovers jobs that a crash left unprojected, with all their tasks", async () => {
    const { store, projector, rows } = setUp();
    store.put(
      jobRecord(jobId),
      taskRecord(rootId, jobId),
      taskRecord(childId, jobId, { parentId: rootId, parentAttempt: 1 }),
    );
    await projector.recover();
    await projector.flush();
    expect(rows()).toHaveLength(5);
    expect(store.projected).toEqual([jobId]);
  });

  it("gives rows the version they were read under where servers share the record, whatever the clock says", async () => {
    const { store, clock, projector, rows } = setUp();
    store.put(jobRecord(jobId), taskRecord(rootId, jobId));
    const read = store.readLifecycle.bind(store);
    const versions: bigint[] = [];
    for (const version of [7, 8]) {
      store.readLifecycle = async (...ids) => ({ ...(await read(...ids)), version });
      projector.note(new Set(), new Set([rootId]));
      await projector.flush();
      versions.push(rows().at(-1)?.version as bigint);
      clock.us -= 1e9;
    }
    expect(versions).toEqual([2n ** 62n + 7n, 2n ** 62n + 8n]);
  });

  it("marks a job only when other servers have written what they noted of it (I2)", async () => {
    for (const written of [false, true]) {
      const { store, clock } = setUp();
      const othersFlushed = async () => written;
      const projector = new Projector({
        store,
        clock,
        log: () => undefined,
        insert: async () => undefined,
        othersFlushed,
      });
      store.put(jobRecord(jobId));
      projector.note(new Set([jobId]), new Set());
      await projector.flush();
      await projector.stop();
      expect(store.projected).toEqual(written ? [jobId] : []);
    }
  });
});
