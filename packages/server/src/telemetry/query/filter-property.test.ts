import { create, toJsonString } from "@bufbuild/protobuf";
import { LogFilterSchema, QueryLogsRequestSchema, QuerySpansRequestSchema, SpanFilterSchema } from "@spanloom/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seeded } from "../../testing/seeded.ts";
import type { SpanStore, Statement } from "../columnar/span-store.ts";
import { logPayload, rowsOf, tracePayload } from "../ingest/otlp-fixture.ts";
import { OtlpReader } from "../ingest/otlp-reader.ts";
import { insertSpans, type TestedStore, telemetryStores } from "../testing/telemetry-stores.ts";
import type { JobTraces } from "./filter-sql.ts";
import { planJobTraces, planLogs, planSpans } from "./planner.ts";
import { logMatches, spanMatches } from "./testing/filter-model.ts";
import { conditionNames, randomLogFilter, randomSpanFilter } from "./testing/random-filter.ts";
import { asLogRecord, asSpan, Choice, pools, resourceOf, sampleRecords } from "./testing/sample-records.ts";

const FILTERS = 250;
const DEPTH = 3;

const records = sampleRecords(new Choice(seeded(1)), 300);

async function insertAll(store: SpanStore): Promise<void> {
  const reader = new OtlpReader();
  for (const [i, service] of pools.services.entries()) {
    const own = records.filter((record) => record.service === service);
    const resource = resourceOf(own[0]!);
    reader.readTraces(tracePayload(own.map(asSpan), resource), i + 1);
    reader.readLogs(logPayload(own.map(asLogRecord), resource), i + 10);
  }
  await insertSpans(store, reader);
  await store.insert({ table: "logs", ipc: reader.logs.finish(), rows: reader.logs.rows });
}

async function rows(store: SpanStore, statement: Statement): Promise<Record<string, unknown>[]> {
  const found: Uint8Array[] = [];
  for await (const { ipc } of store.stream(statement)) found.push(ipc);
  return rowsOf(...found);
}

/** As the telemetry plane looks them up. */
async function tracesOfJobs(store: SpanStore): Promise<JobTraces> {
  const found = await rows(store, planJobTraces(pools.jobs));
  return new Map(
    pools.jobs.map((id) => [
      id,
      found.filter(({ job }) => job === id.replaceAll("-", "")).map(({ trace }) => trace as string),
    ]),
  );
}

for (const [kind, start] of telemetryStores) {
  describe(`filters on ${kind}`, () => {
    let tested: TestedStore;
    let jobTraces: JobTraces;

    beforeAll(async () => {
      tested = await start();
      await insertAll(tested.store);
      jobTraces = await tracesOfJobs(tested.store);
    });
    afterAll(() => tested[Symbol.asyncDispose]());

    it(`find the spans a plain recomputation finds: ${FILTERS} random ones, nested ${DEPTH} deep`, async () => {
      const choose = new Choice(seeded(2));
      const seen = new Set<number>();
      for (let i = 0; i < FILTERS; i++) {
        const filter = create(SpanFilterSchema, randomSpanFilter(choose, choose.below(DEPTH + 1)));
        const request = create(QuerySpansRequestSchema, { filter, columns: ["span_id"] });
        const found = (await rows(tested.store, planSpans(request, jobTraces))).map(({ span_id }) => span_id).sort();
        const expected = records.filter((record) => spanMatches(filter, record)).map(({ id }) => id);
        expect(found, `filter ${i}: ${toJsonString(SpanFilterSchema, filter)}`).toEqual(expected);
        seen.add(expected.length);
      }
      // Filters that match all or nothing would prove little.
      expect(seen.size).toBeGreaterThan(60);
    });

    it(`find the log records a plain recomputation finds: ${FILTERS} random ones, nested ${DEPTH} deep`, async () => {
      const choose = new Choice(seeded(3));
      const seen = new Set<number>();
      for (let i = 0; i < FILTERS; i++) {
        const filter = create(LogFilterSchema, randomLogFilter(choose, choose.below(DEPTH + 1)));
        const attributeColumns = [{ key: "mark" }];
        const request = create(QueryLogsRequestSchema, { filter, columns: ["time"], attributeColumns });
        const found = (await rows(tested.store, planLogs(request, jobTraces))).map(({ mark }) => mark).sort();
        const expected = records.filter((record) => logMatches(filter, record)).map(({ id }) => id);
        expect(
          found,
          `filter ${i}: ${JSON.stringify(filter, (_, v) => (typeof v === "bigint" ? `${v}n` : v === "" || (Array.isArray(v) && v.length === 0) ? undefined : v))}`,
        ).toEqual(expected);
        seen.add(expected.length);
      }
      expect(seen.size).toBeGreaterThan(60);
    });
  });
}

describe("random filters", () => {
  it("name every condition the protocol has", () => {
    const nested = ["and", "or", "not"];
    const fields = (schema: typeof SpanFilterSchema | typeof LogFilterSchema) =>
      schema.fields.map(({ localName }) => localName).sort();
    expect([...conditionNames.spans, ...nested].sort()).toEqual(fields(SpanFilterSchema));
    expect([...conditionNames.logs, ...nested].sort()).toEqual(fields(LogFilterSchema));
  });
});
