import type { QueryClient } from "@spanloom/query";
import type { Client } from "@spanloom/sdk";
import { fanOut } from "../dispatch/tasks.ts";

/** A job that has run, whose attempts spans can be put below. */
export interface WaterfallJob {
  jobId: string;
  taskIds: string[];
  startTimeMs: number;
}

const SEEN_WITHIN_MS = 30_000;

/** Runs a fan-out and tells its tasks, once their attempts are stored. */
export async function makeWaterfallJob(
  client: Client,
  query: QueryClient,
  { children }: { children: number },
): Promise<WaterfallJob> {
  const startTimeMs = Date.now();
  const job = await client.jobs.submit(fanOut, { children });
  await job.wait();
  for (const deadlineMs = startTimeMs + SEEN_WITHIN_MS; ; ) {
    const tasks = await query.spans({ job: job.id, type: "attempt", open: false }).columns("task_id").toArrow();
    const taskIds = [...(tasks.getChild("task_id") ?? [])].filter((id) => id !== null);
    if (tasks.numRows > children) return { jobId: job.id, taskIds, startTimeMs };
    if (Date.now() > deadlineMs)
      throw new Error(`cannot see the attempts of job ${job.id}: ${tasks.numRows} are stored`);
  }
}
