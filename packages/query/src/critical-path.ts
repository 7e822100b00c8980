import type { ArrowChunk } from "@spanloom/protocol";
import type { Int64, Table, TimestampNanosecond, Uint32, Utf8 } from "apache-arrow";
import { ArrowQuery, type RunOptions } from "./arrow-query.ts";
import { categoriesOf, int64Minimum, int64Offsets, requireColumn } from "./column-values.ts";
import type { Category } from "./schema.ts";

/** Columns of a critical path by name; docs/schema.md says what they hold. */
export type CriticalPathColumns = {
  start_time: TimestampNanosecond;
  end_time: TimestampNanosecond;
  duration_ns: Int64;
  kind: Category;
  depth: Uint32;
  type: Category;
  name: Category;
  outcome: Category;
  trace_id: Category;
  span_id: Utf8;
  job_id: Category;
  task_id: Utf8;
  task_name: Category;
  attempt: Uint32;
  queue: Category;
  runner_id: Category;
};

/** What a stretch of a job's time went to. */
export type PathKind = "running" | "queued" | "blocked" | "backoff" | "overhead";

/** How to explain a job. */
export interface CriticalPathInput {
  /** Go on from attempts to the user spans below them. Default false. */
  readonly userSpans?: boolean;
}

/** A stretch of a job's time, and the span it was spent in. */
export interface PathSegment {
  readonly kind: PathKind;
  /** Nanoseconds since the epoch. */
  readonly startNs: bigint;
  readonly durationNs: number;
  /** 0 on the job's own, 1 on those of its root tasks, and so on; one more on user spans than on what they lie below. */
  readonly depth: number;
  readonly type: "job" | "task" | "attempt" | "user";
  readonly name: string;
  /** How the span ended; empty while it is open. */
  readonly outcome: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** Undefined on the job's own. */
  readonly taskId: string | undefined;
  /** Number of the attempt; undefined where none ran. */
  readonly attempt: number | undefined;
  readonly queue: string;
  /** Empty where none ran. */
  readonly runnerId: string;
}

/**
 * The critical path of one job: what decided how long it took, or has taken so far.
 *
 * Errors: as other queries; JOB_NOT_FOUND when no span of the job is stored.
 */
export class CriticalPathQuery extends ArrowQuery<CriticalPathColumns> {
  /**
   * Runs the query and gives the segments one by one.
   *
   * Shape: in order of time, without gap or overlap: their durations sum to the job's. Empty when it took no time.
   */
  async segments(options: RunOptions = {}): Promise<PathSegment[]> {
    return pathSegments(await this.toArrow(options));
  }
}

/** Makes a query of a source of chunks. */
export function criticalPathQuery(source: (options: RunOptions) => AsyncIterable<ArrowChunk>): CriticalPathQuery {
  return new CriticalPathQuery(source);
}

/** The rows of a critical path as objects. Errors: INVALID_FIELD when a column is missing. */
export function pathSegments(table: Table): PathSegment[] {
  const column = (name: keyof CriticalPathColumns) => requireColumn(table, name);
  const text = (name: keyof CriticalPathColumns) => {
    const { codes, values } = categoriesOf(column(name));
    return (row: number) => values[codes[row]!] ?? "";
  };
  const firstNs = int64Minimum(column("start_time")) ?? 0n;
  const starts = int64Offsets(column("start_time"), firstNs);
  const durations = int64Offsets(column("duration_ns"), 0n);
  const [kind, type, name, outcome] = [text("kind"), text("type"), text("name"), text("outcome")];
  const [queue, runner] = [text("queue"), text("runner_id")];
  const [depths, spanIds, taskIds, attempts] = [
    column("depth"),
    column("span_id"),
    column("task_id"),
    column("attempt"),
  ];
  return Array.from({ length: table.numRows }, (_, row) => ({
    kind: kind(row) as PathKind,
    startNs: firstNs + BigInt(starts[row]!),
    durationNs: durations[row]!,
    depth: depths.get(row) as number,
    type: type(row) as PathSegment["type"],
    name: name(row),
    outcome: outcome(row),
    spanId: spanIds.get(row) as string,
    taskId: (taskIds.get(row) as string | null) ?? undefined,
    attempt: (attempts.get(row) as number | null) ?? undefined,
    queue: queue(row),
    runnerId: runner(row),
  }));
}
