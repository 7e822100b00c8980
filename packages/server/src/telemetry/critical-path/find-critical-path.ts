import { setImmediate as nextTurn } from "node:timers/promises";
import { isUuid, SpanloomError } from "@spanloom/protocol";
import { Table as ArrowTable, type RecordBatch, type Table, tableFromIPC } from "apache-arrow";
import type { ArrowBatch, SpanStore } from "../columnar/span-store.ts";
import type { JobTraces } from "../query/filter-sql.ts";
import { criticalPath, type Segment } from "./critical-path.ts";
import { encodePath } from "./encode-path.ts";
import { insideAttempts } from "./inside-attempts.ts";
import { hexOf, type PathSpans, readPathSpans } from "./path-spans.ts";
import { planDependencies, planPathSpans, planUserSpans } from "./path-sql.ts";
import { blockedUntilUs, type PathTask } from "./path-task.ts";
import { readPathJob } from "./read-path-job.ts";

/** What to look at, and where. */
export interface PathQuery {
  jobId: string;
  jobTraces: JobTraces;
  /** Whether to go on from attempts to the user spans below them. */
  includeUserSpans: boolean;
  spanStore: Pick<SpanStore, "stream">;
  nowUs: number;
  signal: AbortSignal;
}

/** Refuses what is no job id. Errors: INVALID_FIELD. */
export function checkPathJobId(jobId: string): void {
  if (isUuid(jobId)) return;
  throw new SpanloomError("INVALID_FIELD", `cannot query: job_id is "${jobId}", not a lower-case UUID`, {
    field: "job_id",
  });
}

/**
 * The critical path of a job as Arrow; of one that has not ended, up to now.
 *
 * Errors: JOB_NOT_FOUND when the store has no span of the job.
 */
export async function* findCriticalPath(query: PathQuery): AsyncIterable<ArrowBatch> {
  const { jobId, jobTraces, nowUs } = query;
  const table = await readTable(query, planPathSpans(jobId, jobTraces));
  const spans = readPathSpans(table);
  // A job of 100,000 tasks is some 20 ms a step, 80 when they are one chain: others get their turn between.
  await nextTurn();
  const read = readPathJob(spans, nowUs);
  if (!read) {
    const message = `cannot find the critical path: no span of job ${jobId} is stored`;
    throw new SpanloomError("JOB_NOT_FOUND", message, { metadata: { job_id: jobId } });
  }
  await nextTurn();
  await resolveTies(query, spans, read.tasks);
  const tasks = { segments: criticalPath(read.job), spans };
  const path = query.includeUserSpans ? await withUserSpans(query, table, { ...tasks, startUs: read.startUs }) : tasks;
  for (const batch of encodePath(path.segments, { jobId, startUs: read.startUs, spans: path.spans })) {
    await nextTurn();
    query.signal.throwIfAborted();
    yield batch;
  }
}

/** A path, and what the rows of its segments are of. */
interface FoundPath {
  segments: readonly Segment[];
  spans: PathSpans;
}

/** Reads the user spans of the tasks whose attempts are on the path, and goes on into them. */
async function withUserSpans(
  query: PathQuery,
  table: Table,
  { segments, spans, startUs }: FoundPath & { startUs: number },
): Promise<FoundPath> {
  const tasks = new Set<string>();
  for (const { kind, row } of segments) if (kind === "running") tasks.add(hexOf(spans.taskIds, row, 16));
  if (tasks.size === 0) return { segments, spans };
  const users = await readTable(query, planUserSpans(query.jobId, query.jobTraces, [...tasks]));
  if (users.numRows === 0) return { segments, spans };
  // Rows of the first table keep their numbers.
  const all = readPathSpans(new ArrowTable(table.schema, [...table.batches, ...users.batches]));
  await nextTurn();
  return { segments: insideAttempts(segments, { spans: all, userRow: table.numRows, startUs }), spans: all };
}

/**
 * Reads the dependencies of tasks that one of several tasks may have kept waiting: all those that ended in one commit.
 * Links are most of what a job with wide dependencies stores, so they are only read where there is doubt.
 */
async function resolveTies(query: PathQuery, spans: PathSpans, tasks: readonly PathTask[]): Promise<void> {
  const doubtful = tasks.filter((task) => {
    const untilUs = blockedUntilUs(task);
    return untilUs > task.createdUs && task.siblings.endedAt(untilUs).length > 1;
  });
  if (doubtful.length === 0) return;
  const byRow = new Map(doubtful.map((task) => [task.row, task]));
  const ids = doubtful.map(({ row }) => hexOf(spans.spanIds, row, 8));
  const links = await readTable(query, planDependencies(query.jobId, query.jobTraces, ids));
  for (const row of links.toArray() as { dependencies: Iterable<string>; spans: Iterable<string> }[]) {
    const dependencies = new Set(spans.index.rowsOf(idBytes(row.dependencies)));
    for (const taskRow of spans.index.rowsOf(idBytes(row.spans))) {
      const task = byRow.get(taskRow);
      if (task) task.dependencies = dependencies;
    }
  }
}

function idBytes(hexIds: Iterable<string>): Uint8Array {
  // A copy: a small Buffer shares its memory, and need not begin where a number may.
  return new Uint8Array(Buffer.from([...hexIds].join(""), "hex"));
}

async function readTable(
  { spanStore, signal }: PathQuery,
  statement: Parameters<SpanStore["stream"]>[0],
): Promise<Table> {
  const batches: RecordBatch[] = [];
  let schema: Table["schema"] | undefined;
  for await (const { ipc } of spanStore.stream(statement, signal)) {
    const table = tableFromIPC(ipc);
    schema ??= table.schema;
    batches.push(...table.batches);
  }
  return schema ? new ArrowTable(schema, batches) : new ArrowTable(batches);
}
