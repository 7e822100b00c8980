import { create } from "@bufbuild/protobuf";
import { type Job, TaskCountsSchema } from "@spanloom/protocol";
import { useMemo } from "react";
import { jobs } from "../rpc/clients.ts";
import { type Live, usePoll } from "../rpc/use-poll.ts";
import { isEnded } from "../text/job-states.ts";
import { type TaskList, TaskPages } from "./task-pages.ts";

/** Tasks that are kept: of more, the first are shown. */
export const MOST_TASKS = 20_000;
/** As many as a page may have. */
const PAGE_SIZE = 1_000;
const ENDED_MS = 60_000;
/** How long between questions while the job runs: longer, the more there is to ask for. */
const LIVE_MS = { few: 2_000, many: 8_000 };
/** A job of more tasks has many. */
const MANY = 3_000;

/** All tasks of a job, kept up to date. */
export function useTasks(job: Job): Live<TaskList> {
  const { id: jobId, retriedAt } = job;
  // A retry makes tasks that had ended go on: what was known of them is forgotten.
  const key = `graph of ${jobId} ${retriedAt?.seconds} ${isEnded(job.state)}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says when to begin anew.
  const pages = useMemo(
    () =>
      new TaskPages(
        (pageToken, signal) => jobs.listTasks({ jobId, pageSize: PAGE_SIZE, pageToken }, { signal }),
        MOST_TASKS,
      ),
    [key],
  );
  const liveMs = countOf(job) > MANY ? LIVE_MS.many : LIVE_MS.few;
  const everyMs = isEnded(job.state) ? ENDED_MS : liveMs;
  return usePoll(key, everyMs, (signal) => pages.load(signal));
}

/** How many tasks a job has. */
function countOf({ counts = create(TaskCountsSchema) }: Job): number {
  const { blocked, scheduled, queued, running, waiting, succeeded, failed, cancelled, skipped } = counts;
  const all = [blocked, scheduled, queued, running, waiting, succeeded, failed, cancelled, skipped];
  return Number(all.reduce((sum, count) => sum + count, 0n));
}
