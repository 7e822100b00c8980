import { JobState, RunnerState, TaskState } from "@spanloom/protocol";
import type { BacklogRecord, QueueStatsRecord } from "../store.ts";
import type { Control } from "./control.ts";
import { runnerStateNow } from "./runners.ts";

/** Backlog by queue; all queues that ever had tasks when none are named. */
export function queueStats(control: Control, queues: readonly string[]): QueueStatsRecord[] {
  const scheduled = scheduledByQueue(control);
  const running = runningByQueue(control);
  const names = queues.length > 0 ? [...new Set(queues)] : allQueues(control);
  return names.map((queue) => ({ ...depthOf(control, queue, running), scheduled: scheduled.get(queue) ?? 0 }));
}

/** Queues that have something to show now, or had when `known` were noted: from memory alone. */
export function queueDepths(control: Control, known: Iterable<string>): BacklogRecord["queues"] {
  const running = runningByQueue(control);
  const names = new Set([...known, ...control.ready.queues(), ...running.keys()]);
  return [...names].map((queue) => depthOf(control, queue, running));
}

function depthOf(control: Control, queue: string, running: ReadonlyMap<string, number>) {
  const { queued, throttled, oldestQueuedAtUs } = control.ready.stats(queue, control.options.nowUs());
  return {
    queue,
    queued,
    throttled,
    running: running.get(queue) ?? 0,
    ...(oldestQueuedAtUs !== undefined && { oldestQueuedAtUs }),
    runners: runnersOf(control, queue),
  };
}

function runningByQueue(control: Control): Map<string, number> {
  const running = new Map<string, number>();
  for (const { spec } of control.running.all()) running.set(spec.queue, (running.get(spec.queue) ?? 0) + 1);
  return running;
}

function scheduledByQueue(control: Control): Map<string, number> {
  const rows = control.db.rows(
    `SELECT t.spec, count(*) FROM timer CROSS JOIN task t ON t.seq = timer.task AND t.scheduled_at = timer.at
     WHERE t.state = ${TaskState.SCHEDULED} GROUP BY t.spec`,
  );
  const byQueue = new Map<string, number>();
  for (const [spec, count] of rows as readonly [number, number][]) {
    const { queue } = control.specs.get(spec);
    byQueue.set(queue, (byQueue.get(queue) ?? 0) + count);
  }
  return byQueue;
}

function allQueues(control: Control): string[] {
  const rows = control.db.rows("SELECT DISTINCT body ->> 'queue' AS queue FROM spec ORDER BY queue");
  return rows.map(([queue]) => queue as string);
}

function runnersOf(control: Control, queue: string): number {
  let runners = 0;
  for (const runner of control.runners.known()) {
    if (!runner.identity?.queues.includes(queue)) continue;
    const state = runnerStateNow(control, runner);
    if (state === RunnerState.ACTIVE || state === RunnerState.DRAINING) runners++;
  }
  return runners;
}

const openStates: readonly TaskState[] = [
  TaskState.BLOCKED,
  TaskState.SCHEDULED,
  TaskState.QUEUED,
  TaskState.RUNNING,
  TaskState.WAITING,
];

/** Jobs and tasks that have not ended; `tasks` counts these by state. */
export function openCounts(control: Control, tasks: readonly number[]): Pick<BacklogRecord, "jobs" | "tasks"> {
  const counted = new Map(control.db.rows("SELECT state, count FROM job_count") as readonly [JobState, number][]);
  return {
    jobs: new Map(openJobStates.map((state) => [state, counted.get(state) ?? 0])),
    tasks: new Map(openStates.map((state) => [state, tasks[state] ?? 0])),
  };
}

const openJobStates: readonly JobState[] = [JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING];

/** Open tasks by TaskState, summed over the jobs that have not ended. */
export function openTasks(control: Control): number[] {
  const row = control.db.row(
    `SELECT sum(blocked), sum(scheduled), sum(queued), sum(running), sum(waiting) FROM job
     WHERE state IN (${openJobStates.join(", ")})`,
  )!;
  const tasks: number[] = new Array(TASK_STATES).fill(0);
  for (const [at, state] of openStates.entries()) tasks[state] = (row[at] as number | null) ?? 0;
  return tasks;
}

/** Room for every TaskState. */
const TASK_STATES = 12;
