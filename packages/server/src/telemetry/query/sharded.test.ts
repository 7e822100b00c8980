import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AggregateSpansRequestSchema,
  CompareJobsRequestSchema,
  QueryLogsRequestSchema,
  QuerySpansRequestSchema,
  TailLogsRequestSchema,
  TailSpansRequestSchema,
} from "@spanloom/protocol";
import { TestClickHouse } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClickHouseSpanStore } from "../columnar/clickhouse/index.ts";
import type { Statement } from "../columnar/span-store.ts";
import { attribute, logPayload, logRecord, rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import { OtlpReader } from "../ingest/otlp-reader.ts";
import { planAggregate } from "./aggregate-plan.ts";
import { planComparison, planJobSpans } from "./compare-plan.ts";
import { planJobTraces, planLogs, planSpans } from "./planner.ts";
import { planArrivals, planLogTail, planNews, planOpenJobs, planSpanTail } from "./tail-plan.ts";

/**
 * Over several shards the engine refuses subqueries that would read all shards for each. Here both shards are the same
 * tables, so each row is inserted into one of them and read from two.
 */
const server = await TestClickHouse.start();
const store = new ClickHouseSpanStore({
  url: server.url,
  retentionDays: 10_000,
  cluster: "twice",
  engine: "MergeTree",
});
const jobs = [1, 2].map((n) => `01980000-0000-7000-8000-00000000000${n}`);
const trace = (job: string) => Buffer.from(job.replaceAll("-", ""), "hex");

beforeAll(async () => {
  await store.start();
  const reader = new OtlpReader();
  for (const [i, job] of jobs.entries()) {
    const attributes = [attribute("spanloom.job.id", job), attribute("n", BigInt(i))];
    reader.readTraces(
      tracePayload([span(i + 1, { traceId: trace(job), attributes }), span(i + 9, { attributes })]),
      i + 1,
    );
    reader.readLogs(logPayload([logRecord(i, { attributes })]), i + 1);
  }
  const { spans, logs } = reader;
  await store.insert({ table: "spans", ipc: spans.finish(), rows: spans.rows });
  await store.insert({ table: "logs", ipc: logs.finish(), rows: logs.rows });
});
afterAll(async () => {
  await store.stop();
  await server.stop();
});

async function rows(statement: Statement) {
  const found: Record<string, unknown>[] = [];
  for await (const { ipc } of store.stream(statement)) found.push(...rowsOf(ipc));
  return found;
}

const spansWhere = (request: MessageInitShape<typeof QuerySpansRequestSchema>) =>
  planSpans(create(QuerySpansRequestSchema, request), traces);
const traces = new Map(jobs.map((job) => [job, ["01000000000000000000000000000007", "0".repeat(32)]]));
const [first = "", second = ""] = jobs;

describe("over two shards", () => {
  it.each([
    ["all spans", spansWhere({}), 8],
    ["spans of a job", spansWhere({ filter: { jobIds: [first] } }), 4],
    [
      "spans by all kinds of conditions",
      spansWhere({
        filter: {
          jobIds: jobs,
          not: { names: [{ match: { case: "regex", value: "span [12]$" } }] },
          or: [{ types: [4] }, { attributes: [{ key: "n", comparison: 1, value: { case: "intValue", value: 1n } }] }],
        },
        orderBy: [{ column: "duration_ns", descending: true }],
        limit: 3n,
      }),
      3,
    ],
    ["all logs", planLogs(create(QueryLogsRequestSchema, {}), new Map()), 4],
    ["logs of a job", planLogs(create(QueryLogsRequestSchema, { filter: { jobIds: [first] } }), traces), 2],
    ["traces of jobs", planJobTraces(jobs), 8],
  ] as const)("%s are read from each", async (_, statement, count) => {
    expect(await rows(statement)).toHaveLength(count);
  });

  it("what counts counts over all", async () => {
    expect(await rows(planJobSpans(first, "base_job_id", traces))).toEqual([{ stored: 4n }]);
    const groupBy = [{ key: { case: "column" as const, value: "name" } }];
    const request = create(AggregateSpansRequestSchema, { groupBy, measures: [1, 7] });
    expect((await rows(planAggregate(request, new Map()))).map((row) => row.count)).toEqual([2n, 2n, 2n, 2n]);
    const comparison = create(CompareJobsRequestSchema, { baseJobId: first, otherJobId: second });
    expect(await rows(planComparison(comparison, traces))).toHaveLength(4);
  });

  it("a tail finds what is new, once", async () => {
    const window = { fromUs: 0n, untilUs: BigInt(Date.now() + 3_600_000) * 1000n };
    expect(await rows(planSpanTail(create(TailSpansRequestSchema, {}), new Map(), window))).toHaveLength(4);
    expect(await rows(planLogTail(create(TailLogsRequestSchema, {}), new Map(), window))).toHaveLength(2);
    expect(await rows(planNews(window))).toMatchObject([{ spans: 8n, logs: 4n }]);
    expect(await rows(planOpenJobs(jobs, traces))).toHaveLength(1);
    const arrivals = (await rows(planArrivals("spans", window))) as { stored: bigint }[];
    expect(arrivals.reduce((sum, { stored }) => sum + stored, 0n)).toBe(8n);
  });
});
