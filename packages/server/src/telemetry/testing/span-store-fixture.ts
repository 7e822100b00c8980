import { create } from "@bufbuild/protobuf";
import { QueryLogsRequestSchema, QuerySpansRequestSchema } from "@spanloom/protocol";
import type { SpanStoreFixture, SuiteSpan } from "@spanloom/testing";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { ArrowBatch, InsertBatch, SpanStore, Statement } from "../columnar/span-store.ts";
import { idBytes, logPayload, logRecord, rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import { OtlpReader } from "../ingest/otlp-reader.ts";
import { planLogs, planSpans } from "../query/planner.ts";

/** What one store's fixture adds to what all have. */
export interface SpanStoreUnderTest {
  /** A store over the same data each time. */
  open(retentionDays: number): SpanStore;
  dispose(): Promise<void>;
}

/** 2026-01-01, where the suite's time begins. */
const startNs = 1_767_225_600_000_000_000n;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** Far more than the suite's time is ago. */
const RETENTION_DAYS = 10_000;

/** Rows for the spans table. */
export function spanBatch(spans: readonly SuiteSpan[]): InsertBatch {
  const reader = new OtlpReader();
  for (const { id, trace, name, version, startNs: at } of spans) {
    const one = span(id + 1, {
      traceId: idBytes(16, trace),
      name,
      startTimeUnixNano: startNs + at,
      endTimeUnixNano: startNs + at + 5n,
    });
    reader.readTraces(tracePayload([one]), Number(version));
  }
  return { table: "spans", ipc: reader.spans.finish(), rows: reader.spans.rows };
}

/** Rows for the logs table: the records of payload `seq`. */
export function logBatch(bodies: readonly string[], seq = 1): InsertBatch {
  const reader = new OtlpReader();
  const records = bodies.map((value) => logRecord(1, { body: { value: { case: "stringValue", value } } }));
  reader.readLogs(logPayload(records), seq);
  return { table: "logs", ipc: reader.logs.finish(), rows: reader.logs.rows };
}

/** How the shared suite speaks to a store: as the server does. */
export function spanStoreFixture({
  open,
  dispose,
}: SpanStoreUnderTest): SpanStoreFixture<InsertBatch, Statement, ArrowBatch> {
  return {
    store: open(RETENTION_DAYS),
    reopened: (retentionDays = RETENTION_DAYS) => open(retentionDays),
    spans: spanBatch,
    logs: logBatch,
    nowNs: () => BigInt(Date.now()) * 1_000_000n - startNs,
    spansOf(trace, name) {
      const names = name === undefined ? [] : [{ match: { case: "exact" as const, value: name } }];
      const filter = { traceIds: [hex(idBytes(16, trace))], names };
      return planSpans(create(QuerySpansRequestSchema, { filter, columns: ["span_id", "name"] }), new Map());
    },
    allLogs: () => planLogs(create(QueryLogsRequestSchema, {}), new Map()),
    broken: { sql: "SELECT nothing FROM nowhere", params: {} },
    failing: { sql: "SELECT intDiv(1, number - 70000) AS n FROM numbers(100000) ORDER BY n", params: {} },
    parts: {
      sql: `SELECT count() AS parts FROM system.parts
WHERE active AND database = '${DATABASE}' AND table IN ('spans', 'spans_local') AND partition = '2026-01-01'`,
      params: {},
    },
    rowsOf: ({ ipc }) => rowsOf(ipc),
    dispose,
  };
}
