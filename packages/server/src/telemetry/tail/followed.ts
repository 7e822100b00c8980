import { toBinary } from "@bufbuild/protobuf";
import {
  type LogFilter,
  type SpanFilter,
  type TailLogsRequest,
  TailLogsRequestSchema,
  type TailSpansRequest,
  TailSpansRequestSchema,
} from "@spanloom/protocol";
import type { Statement, TelemetryTable } from "../columnar/span-store.ts";
import type { JobTraces } from "../query/filter-sql.ts";
import { jobIdsOf } from "../query/job-ids.ts";
import { planExistingLogs, planExistingSpans, planLogTail, planSpanTail, type Window } from "../query/tail-plan.ts";

/** What a reader of a tail follows. */
export interface Followed {
  readonly table: TelemetryTable;
  /** The same for requests that are answered alike. */
  readonly key: string;
  /** Every job that is named. */
  readonly jobIds: readonly string[];
  /** Jobs that all rows are of: when these have ended, nothing more comes. None: the answer has no end. */
  readonly untilEndOf: readonly string[];
  readonly includeExisting: boolean;
  readonly position: string;
  /** What became new within a window. Errors: as `planSpans` and `planLogs`. */
  plan(traces: JobTraces, window: Window): Statement;
  /** What came before a time of the store's. Errors: as `plan`. */
  planExisting(traces: JobTraces, beforeUs: bigint): Statement;
}

/** What TailSpans follows. */
export function followedSpans(request: TailSpansRequest): Followed {
  const asked = toBinary(TailSpansRequestSchema, { ...request, includeExisting: false, position: "" });
  return {
    ...followedBy(request),
    table: "spans",
    key: keyOf("spans", asked),
    plan: (traces, window) => planSpanTail(request, traces, window),
    planExisting: (traces, beforeUs) => planExistingSpans(request, traces, beforeUs),
  };
}

/** What TailLogs follows. */
export function followedLogs(request: TailLogsRequest): Followed {
  const asked = toBinary(TailLogsRequestSchema, { ...request, includeExisting: false, position: "" });
  return {
    ...followedBy(request),
    table: "logs",
    key: keyOf("logs", asked),
    plan: (traces, window) => planLogTail(request, traces, window),
    planExisting: (traces, beforeUs) => planExistingLogs(request, traces, beforeUs),
  };
}

function followedBy({ filter, includeExisting, position }: TailSpansRequest | TailLogsRequest) {
  return { jobIds: jobIdsOf(filter), untilEndOf: allJobsOf(filter), includeExisting, position };
}

function keyOf(table: TelemetryTable, asked: Uint8Array): string {
  return `${table} ${Buffer.from(asked).toString("latin1")}`;
}

/** Jobs of which everything is that a filter lets pass. */
function allJobsOf(filter: SpanFilter | LogFilter | undefined): readonly string[] {
  if (!filter || filter.jobIds.length > 0) return filter?.jobIds ?? [];
  for (const nested of filter.and) {
    const jobIds = allJobsOf(nested);
    if (jobIds.length > 0) return jobIds;
  }
  return [];
}
