import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AggregateSpansRequestSchema,
  attributeNames,
  JobState,
  Measure,
  QueryLogsRequestSchema,
  QuerySpansRequestSchema,
  SpanType,
  TriggerType,
  traceIdOfJob,
} from "@spanloom/protocol";
import { tempDir, waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import type { JobTrigger } from "../store/store.ts";
import { ChdbSpanStore } from "../telemetry/columnar/chdb/index.ts";
import type { ArrowBatch } from "../telemetry/columnar/span-store.ts";
import { attribute, logPayload, logRecord, rowsOf, span, tracePayload } from "../telemetry/ingest/otlp-fixture.ts";
import {
  fixtureId,
  jobRecord,
  LifecycleFixture,
  startUs,
  taskRecord,
} from "../telemetry/lifecycle/lifecycle-fixture.ts";
import { Projector } from "../telemetry/lifecycle/projector.ts";
import { createTelemetry } from "../telemetry/telemetry-plane.ts";
import { CursorFiles } from "./cursor-file.ts";
import { Forwarder } from "./forwarder.ts";

const dir = tempDir();
const store = new LifecycleFixture();
const spanStore = new ChdbSpanStore({ dataDir: join(dir.path, "telemetry"), retentionDays: 10_000 });
const telemetry = createTelemetry({ dataDir: dir.path, store, spanStore, clock: systemClock, log: () => undefined });
const never = new AbortController().signal;

const source = (kind: "schedule" | "trigger", name: string) => ({ kind, name, id: fixtureId(99) });
/** Runs of one job, each set going otherwise: job ids by what did. */
const runs: Readonly<Record<string, JobTrigger | undefined>> = {
  manual: undefined,
  schedule: { type: "schedule", source: source("schedule", "nightly"), scheduledAtUs: startUs - 5_000, depth: 0 },
  byHand: { type: "manual", source: source("schedule", "nightly"), depth: 0 },
  event: { type: "event", source: source("trigger", "orders"), eventId: fixtureId(98), depth: 1 },
  clone: { type: "clone", clonedJobId: fixtureId(97), depth: 0 },
};
const names = Object.keys(runs);
const jobIdOf = (name: string) => fixtureId(1 + names.indexOf(name));
const nameOf = (jobId: unknown) => names.find((name) => traceIdOfJob(jobIdOf(name)) === traceIdOfJob(String(jobId)));

function putAll(state: JobState): void {
  for (const [i, name] of names.entries()) {
    const job = jobRecord(jobIdOf(name), { state, ...(runs[name] && { trigger: runs[name] }) });
    if (state === JobState.RUNNING) delete job.endedAtUs;
    const task = taskRecord(fixtureId(50 + i), job.id);
    store.put(job, task);
    telemetry.lifecycleChanged(new Set([job.id]), new Set([task.id]));
  }
}

async function rows(answer: AsyncIterable<ArrowBatch>) {
  const found: Uint8Array[] = [];
  for await (const { ipc } of answer) found.push(ipc);
  return rowsOf(...found);
}

const spansWhere = (filter: MessageInitShape<typeof QuerySpansRequestSchema>["filter"]) =>
  rows(telemetry.querySpans(create(QuerySpansRequestSchema, { filter: filter! }), never));

beforeAll(async () => {
  await telemetry.start();
  putAll(JobState.RUNNING);
  const origin = (name: string) => [attribute(attributeNames.jobId, jobIdOf(name))];
  const traceId = (name: string) => Buffer.from(traceIdOfJob(jobIdOf(name)), "hex");
  await telemetry.ingest([
    {
      signal: "traces",
      bytes: tracePayload(names.map((name, i) => span(i, { traceId: traceId(name), attributes: origin(name) }))),
    },
    {
      signal: "logs",
      bytes: logPayload(names.map((name, i) => logRecord(i, { traceId: traceId(name), attributes: origin(name) }))),
    },
  ]);
});
afterAll(async () => {
  await telemetry.stop();
  dir[Symbol.dispose]();
});

describe("runs of one job that were set going otherwise", () => {
  it.each([
    ["by hand, a schedule's included", { types: [TriggerType.MANUAL] }, ["manual", "byHand"]],
    ["by a schedule", { types: [TriggerType.SCHEDULE] }, ["schedule"]],
    ["by a schedule, fired by hand included", { schedules: ["nightly"] }, ["schedule", "byHand"]],
    ["by hand alone", { types: [TriggerType.MANUAL], schedules: ["nightly"] }, ["byHand"]],
    ["by a trigger", { triggers: ["orders", "none"] }, ["event"]],
    ["by several", { types: [TriggerType.EVENT, TriggerType.CLONE] }, ["event", "clone"]],
    ["by nothing there is", { schedules: ["weekly"] }, []],
  ])("are told apart with all their spans and logs: %s", async (_, trigger, expected) => {
    const spans = await spansWhere({ trigger });
    expect(new Set(spans.map((row) => nameOf(row.job_id)))).toEqual(new Set(expected));
    // The job, its task, its attempt, and a span of the task's code, which says nothing of it.
    expect(spans).toHaveLength(4 * expected.length);
    const logs = await rows(telemetry.queryLogs(create(QueryLogsRequestSchema, { filter: { trigger } }), never));
    expect(logs.map((row) => nameOf(row.job_id)).sort()).toEqual(expected.toSorted());
  });

  it("are told apart by attributes of their jobs, tasks and attempts", async () => {
    const key = attributeNames.triggerType;
    const request = create(AggregateSpansRequestSchema, {
      groupBy: [{ key: { case: "attribute", value: { key, as: "by" } } }],
      filter: { types: [SpanType.JOB, SpanType.TASK, SpanType.ATTEMPT] },
      measures: [Measure.COUNT],
    });
    const groups = await rows(telemetry.aggregateSpans(request, never));
    expect(groups.map(({ by, count }) => [by, count])).toEqual([
      ["clone", 3n],
      ["event", 3n],
      ["manual", 6n],
      ["schedule", 3n],
    ]);
  });
});

describe("the firing of a job", () => {
  it("is one span beside the job's, however often it is written, and exporters are given it once", async () => {
    const given: string[] = [];
    const forwarder = new Forwarder({
      name: "one",
      exporter: {
        name: "recording",
        export: async ({ traces }) => {
          for (const { scopeSpans } of traces?.resourceSpans ?? [])
            for (const { spans } of scopeSpans) given.push(...spans.map(({ name }) => name));
          return { outcome: "exported" };
        },
        shutdown: async () => undefined,
      },
      from: "beginning",
      arrivals: telemetry.arrivals,
      cursors: new CursorFiles(join(dir.path, "forward")),
      clock: systemClock,
      random: () => 0.5,
      log: () => undefined,
    });
    forwarder.start();
    const fired = ["fire nightly", "fire nightly", "fire orders"];
    await waitFor(() => fired.every((name) => given.includes(name)));
    // Another server, or this one after a crash, derives everything again.
    const log = () => undefined;
    const another = new Projector({ store, clock: systemClock, log, insert: (batch) => spanStore.insert(batch) });
    putAll(JobState.SUCCEEDED);
    await another.recover();
    await another.flush();
    await waitFor(() => given.filter((name) => name.startsWith("job ")).length >= names.length);
    await forwarder.stop();
    await another.stop();
    expect(given.filter((name) => name.startsWith("fire ")).sort()).toEqual(fired);

    const isFiring = { attributes: [{ key: attributeNames.firingJobId, comparison: 7 as const }] };
    const firings = await spansWhere(isFiring);
    expect(firings.map(({ name, job_id, type }) => [name, job_id, type]).sort()).toEqual(
      fired.map((name) => [name, null, "user"]),
    );
  });
});
