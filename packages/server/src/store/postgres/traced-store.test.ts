import { SpanStatusCode } from "@opentelemetry/api";
import { TestPostgres } from "@spanloom/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { idOf, recordingTracer } from "../../self-tracing/testing/recording-tracer.ts";
import { PostgresStore } from "./index.ts";

let postgres: TestPostgres;
let url: string;
beforeAll(async () => {
  postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
  url = await postgres.createDatabase(`traced_${process.pid}`);
});
afterAll(() => postgres.stop());

it("traces a commit as a part of the call that asked for it", async () => {
  const { tracer, named } = recordingTracer();
  await using store = new PostgresStore({ url, tracer });
  await store.start();
  const call = tracer.call("CancelJob", {}, {});
  const [cancelled] = await tracer.run(call, () => Promise.allSettled([store.cancelJob(crypto.randomUUID(), "")]));
  call.end();
  expect(cancelled).toMatchObject({ reason: { reason: "JOB_NOT_FOUND" } });
  const [cancel] = named("CancelJob");
  const commit = named("store.commit").find(({ parentSpanContext }) => parentSpanContext?.spanId === idOf(cancel!));
  expect(commit?.attributes).toEqual({
    "db.system.name": "postgresql",
    "db.operation.batch.size": 1,
    "spanloom.tasks.leased": 0,
    "spanloom.tasks.changed": 0,
    "spanloom.jobs.changed": 0,
    "spanloom.jobs.ended": 0,
  });
  expect(commit?.status.code).toBe(SpanStatusCode.UNSET);
});
