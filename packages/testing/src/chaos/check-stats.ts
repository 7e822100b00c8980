import { JobState, TaskState } from "@spanloom/protocol";
import type { Store } from "@spanloom/server/store";
import { jobStateText } from "./enum-names.ts";
import { isThrottled } from "./model-places.ts";
import { demand, jobStateOf, type ModelState, type ModelTask } from "./model-state.ts";
import { queueNames } from "./workflow-generator.ts";

/** When it is looked at. */
export interface StatsTime {
  nowUs: number;
  /** Whether the clock ever went back: then who came first need not have the earliest time. */
  wentBack: boolean;
}

/** Holds what the store counts over all jobs to a count of the model's tasks. */
export async function checkStats(state: ModelState, store: Store, time: StatsTime): Promise<void> {
  const { nowUs, wentBack } = time;
  const stats = await store.queueStats(queueNames);
  const tasks = [...state.tasks.values()];
  for (const queue of queueNames) {
    const mine = tasks.filter(({ spec }) => spec.queue === queue);
    const queued = mine.filter((task) => task.state === TaskState.QUEUED);
    const found = stats.find((entry) => entry.queue === queue);
    const wanted = {
      queued: queued.length,
      scheduled: mine.filter((task) => task.state === TaskState.SCHEDULED).length,
      running: mine.filter((task) => task.state === TaskState.RUNNING).length,
      oldestQueuedAtUs:
        queued.length === 0 || wentBack ? undefined : Math.min(...queued.map(({ queuedAtUs }) => queuedAtUs!)),
    };
    const seen = {
      queued: found?.queued,
      scheduled: found?.scheduled,
      running: found?.running,
      oldestQueuedAtUs: wentBack ? undefined : found?.oldestQueuedAtUs,
    };
    checkThrottled(found?.throttled ?? 0, queued, { state, nowUs });
    const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)];
    demand(a === b, () => `queue ${queue} has ${a} by its stats, the model says ${b}`);
  }
  await checkBacklog(state, store);
  const counts = await store.countJobs({});
  for (const value of Object.values(JobState)) {
    if (typeof value !== "number" || value === JobState.UNSPECIFIED) continue;
    const wanted = [...state.jobs.values()].filter((job) => jobStateOf(state, job) === value).length;
    const seen = counts.get(value) ?? 0;
    demand(seen === wanted, () => `${seen} jobs are counted as ${jobStateText(value)}, there are ${wanted}`);
  }
}

const openTaskStates = [
  TaskState.BLOCKED,
  TaskState.SCHEDULED,
  TaskState.QUEUED,
  TaskState.RUNNING,
  TaskState.WAITING,
] as const;

/** What metrics show of the same: it is counted in other ways, as it is asked for more often. */
async function checkBacklog(state: ModelState, store: Store): Promise<void> {
  const { queues, jobs, tasks } = await store.backlog();
  const all = [...state.tasks.values()];
  for (const value of openTaskStates) {
    const wanted = all.filter((task) => task.state === value).length;
    const seen = tasks.get(value) ?? 0;
    demand(seen === wanted, () => `${seen} tasks are open in state ${value} by the backlog, there are ${wanted}`);
  }
  for (const queue of queueNames) {
    const { queued = 0, running = 0 } = queues.find((entry) => entry.queue === queue) ?? {};
    const mine = all.filter(({ spec }) => spec.queue === queue);
    const wanted = [TaskState.QUEUED, TaskState.RUNNING].map(
      (value) => mine.filter((task) => task.state === value).length,
    );
    const [a, b] = [JSON.stringify([queued, running]), JSON.stringify(wanted)];
    demand(a === b, () => `queue ${queue} has ${a} tasks queued and running by the backlog, the model says ${b}`);
  }
  for (const value of [JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING]) {
    const wanted = [...state.jobs.values()].filter((job) => jobStateOf(state, job) === value).length;
    const seen = jobs.get(value) ?? 0;
    demand(seen === wanted, () => `${seen} jobs are ${jobStateText(value)} by the backlog, there are ${wanted}`);
  }
}

/** Tasks that may not go now are throttled; of those that may, some would find the places taken by others of them. */
function checkThrottled(seen: number, queued: readonly ModelTask[], at: { state: ModelState; nowUs: number }): void {
  const least = queued.filter((task) => isThrottled(at, task) !== undefined);
  const most = queued.filter(({ jobId, spec }) => {
    return spec.concurrency !== undefined || spec.rateLimit !== undefined || !at.state.jobs.get(jobId)!.admitted;
  });
  const fits = seen >= least.length && seen <= most.length;
  demand(fits, () => `${seen} tasks are throttled by the stats, the model says ${least.length} to ${most.length}`);
}
