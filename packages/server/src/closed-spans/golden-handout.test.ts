import { basename } from "node:path";
import { create, fromBinary, toJsonString } from "@bufbuild/protobuf";
import { bytesToHex, ClosedSpanPurpose, ClosedSpanRequestSchema } from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema, SpanSchema } from "@spanloom/protocol/otlp";
import { type MakeStore, StoreDriver, TestPostgres } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresStore } from "../store/postgres/index.ts";
import { SqliteStore } from "../store/sqlite/index.ts";
import { RowBuilder, spanColumns } from "../telemetry/columns/span-columns.ts";
import { projectAttempt } from "../telemetry/lifecycle/project-attempt.ts";
import { projectFiring } from "../telemetry/lifecycle/project-firing.ts";
import { projectJob } from "../telemetry/lifecycle/project-job.ts";
import { projectTask } from "../telemetry/lifecycle/project-task.ts";
import { traceScenarios } from "../telemetry/lifecycle/testing/trace-scenarios.ts";
import { encodeClosedSpans } from "./encode-closed-spans.ts";
import { SpanHandout } from "./span-handout.ts";

/** Spans by id, the latest of each, as JSON. */
function spansOf(requests: readonly Uint8Array[]): Record<string, string> {
  const spans = requests.flatMap((bytes) =>
    fromBinary(ExportTraceServiceRequestSchema, bytes).resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap((scope) => scope.spans),
    ),
  );
  return Object.fromEntries(spans.map((span) => [bytesToHex(span.spanId), toJsonString(SpanSchema, span)]));
}

/** The spans of all that has ended, from the record as it is. */
async function endedSpans(driver: StoreDriver): Promise<Record<string, string>> {
  const rows = new RowBuilder(spanColumns());
  for (const jobId of driver.jobIds) {
    const taskIds = await driver.store.taskIds(jobId, { limit: 1_000 });
    const { jobs, tasks } = await driver.store.readLifecycle([jobId], taskIds);
    const [job] = jobs;
    if (job?.endedAtUs !== undefined) {
      projectFiring(rows.columns, job);
      projectJob(rows.columns, job, 0n);
    }
    for (const task of tasks) {
      if (task.endedAtUs !== undefined) projectTask(rows.columns, job!, task, 0n);
      for (const attempt of task.attempts)
        if (attempt.endedAtUs !== undefined) projectAttempt(rows, { job: job!, task, attempt }, 0n);
    }
  }
  return rows.rows === 0 ? {} : spansOf([encodeClosedSpans(rows)]);
}

function testGoldenHandout(makeStore: MakeStore): void {
  it.each(Object.entries(traceScenarios))("%s", async (_name, play) => {
    await using driver = await StoreDriver.open(makeStore);
    const { store, clock, runnerId } = driver;
    const handout = new SpanHandout({
      store,
      clock: { nowUs: () => clock.nowUs(), schedule: () => () => undefined },
      random: () => 0,
      leaseMs: 15_000,
      log: () => undefined,
    });
    const request = create(ClosedSpanRequestSchema, { purposes: [ClosedSpanPurpose.EXPORT] });
    const call = { runnerId, queues: ["default"], request };
    handout.heard(call);
    // What has ended is made all the time, not only in the end.
    const unsubscribe = store.on("changed", (jobs, tasks) => {
      handout.note(jobs, tasks);
      void handout.catchUp(runnerId);
    });
    await play(driver);
    unsubscribe();
    handout.heard(call);
    await handout.catchUp(runnerId);
    expect(spansOf(handout.take(runnerId).map(({ traces }) => traces))).toEqual(await endedSpans(driver));
    await handout.stop();
  });
}

describe("an asking runner is handed the latest of every span that ended, of", () => {
  describe("SQLite", () => {
    testGoldenHandout(
      ({ dataDir, clock, cancelGraceMs }) => new SqliteStore({ dataDir, nowUs: clock.nowUs, cancelGraceMs }),
    );
  });

  describe("PostgreSQL", () => {
    let postgres: TestPostgres;
    let url: string;
    beforeAll(async () => {
      postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
      url = await postgres.createDatabase(`golden_handout_${process.pid}`);
    });
    afterAll(() => postgres.stop());
    testGoldenHandout(({ dataDir, clock, cancelGraceMs }) => {
      const schema = basename(dataDir).replaceAll(/\W/g, "_").toLowerCase();
      return new PostgresStore({ url, schema, nowUs: clock.nowUs, cancelGraceMs });
    });
  });
});
