import type { QueryClient } from "@spanloom/query";
import type { RecordBatch } from "apache-arrow";

/** An attempt that runs now: who runs what, and since when. */
export interface RunningAttempt {
  spanId: string;
  jobId: string;
  jobName: string;
  taskId: string;
  taskName: string;
  attempt: number;
  queue: string;
  runnerId: string;
  startMs: number;
}

/** How many are shown: the longest-running ones, which are those that somebody looks for. */
export const MOST_RUNNING = 200;

const columns = [
  "span_id",
  "job_id",
  "job_name",
  "task_id",
  "task_name",
  "attempt",
  "queue",
  "runner_id",
  "start_time",
] as const;

/** The attempts that run now, the longest-running first; of one runner, or of all. */
export async function loadRunning(
  client: QueryClient,
  runner: string,
  signal: AbortSignal,
): Promise<readonly RunningAttempt[]> {
  const query = client
    .spans({ type: "attempt", open: true, limit: MOST_RUNNING, ...(runner !== "" && { runner }) })
    .columns(...columns);
  const found: RunningAttempt[] = [];
  for await (const batch of query.stream({ signal })) found.push(...readAttempts(batch));
  return found;
}

/** At most {@link MOST_RUNNING} rows: these few become objects. */
function readAttempts(batch: RecordBatch): RunningAttempt[] {
  const text = (name: string) => {
    const column = batch.getChild(name);
    return (at: number) => String(column?.get(at) ?? "");
  };
  const [spanId, jobId, jobName, taskId] = [text("span_id"), text("job_id"), text("job_name"), text("task_id")];
  const [taskName, queue, runnerId] = [text("task_name"), text("queue"), text("runner_id")];
  const attempts = batch.getChild("attempt");
  const startNs = batch.getChild("start_time")?.data[0]?.values as BigInt64Array;
  return Array.from({ length: batch.numRows }, (_, at) => ({
    spanId: spanId(at),
    jobId: jobId(at),
    jobName: jobName(at),
    taskId: taskId(at),
    taskName: taskName(at),
    attempt: Number(attempts?.get(at) ?? 0),
    queue: queue(at),
    runnerId: runnerId(at),
    startMs: Number(startNs[at]! / 1_000_000n),
  }));
}
