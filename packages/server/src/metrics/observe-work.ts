import { AttemptOutcome, JobState, TaskState } from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import type { BacklogRecord, Store } from "../store/store.ts";
import type { ServerMetricSet } from "./server-metrics.ts";

/** How old a backlog may be that is shown: a database is asked no more often, however many collect. */
const FRESH_US = 2_000_000;
/** How long a collection waits for one; that of before is shown then. */
const PATIENCE_MS = 1_000;

/** Shows what is open, and what became of jobs and tasks. */
export function observeWork(set: ServerMetricSet, store: Store, clock: Clock): void {
  observeBacklog(set, store, clock);
  observeCounts(set, store);
  const { stats } = store;
  set.show("spanloom.store.commit.duration", stats.commitSeconds);
  set.show("spanloom.store.commit.operations", stats.commitOperations);
  set.observe("spanloom.store.rollbacks", (observe) => observe(stats.rollbacks));
}

const jobStates = [JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING] as const;
const openStates = [
  TaskState.BLOCKED,
  TaskState.SCHEDULED,
  TaskState.QUEUED,
  TaskState.RUNNING,
  TaskState.WAITING,
] as const;

function observeBacklog(set: ServerMetricSet, store: Store, clock: Clock): void {
  let shown: BacklogRecord | undefined;
  const read = newReader(store, clock);
  set.beforehand(async () => {
    try {
      shown = await read();
    } catch (error) {
      // Figures of before would look like those of now for as long as the store is away.
      shown = undefined;
      throw error;
    }
  });
  set.observe("spanloom.jobs.open", (observe) => {
    for (const state of jobStates)
      if (shown) observe(shown.jobs.get(state) ?? 0, { "spanloom.job.state": nameOf(JobState, state) });
  });
  set.observe("spanloom.tasks.open", (observe) => {
    for (const state of openStates)
      if (shown) observe(shown.tasks.get(state) ?? 0, { "spanloom.task.state": nameOf(TaskState, state) });
  });
  const byQueue = (value: (queue: BacklogRecord["queues"][number]) => number) => {
    return (observe: (value: number, of: Record<string, string>) => void) => {
      for (const each of shown?.queues ?? []) observe(value(each), { "spanloom.queue": each.queue });
    };
  };
  set.observe(
    "spanloom.queue.depth",
    byQueue(({ queued }) => queued),
  );
  set.observe(
    "spanloom.queue.throttled",
    byQueue(({ throttled }) => throttled),
  );
  set.observe(
    "spanloom.queue.running",
    byQueue(({ running }) => running),
  );
  set.observe(
    "spanloom.queue.runners",
    byQueue(({ runners }) => runners),
  );
  const age = ({ oldestQueuedAtUs }: { oldestQueuedAtUs?: number }) =>
    oldestQueuedAtUs === undefined ? 0 : Math.max(0, clock.nowUs() - oldestQueuedAtUs) / 1e6;
  set.observe("spanloom.queue.age", byQueue(age));
}

/** Reads the backlog, not more often than need be, and not longer than a collection may take. */
function newReader(store: Store, clock: Clock): () => Promise<BacklogRecord | undefined> {
  let known: { backlog: BacklogRecord; atUs: number } | undefined;
  let reading: Promise<BacklogRecord> | undefined;
  const read = async (): Promise<BacklogRecord> => {
    const backlog = await store.backlog();
    known = { backlog, atUs: clock.nowUs() };
    return backlog;
  };
  return () => {
    if (known && Math.abs(clock.nowUs() - known.atUs) < FRESH_US) return Promise.resolve(known.backlog);
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return within(reading, known?.backlog, clock);
  };
}

function within<T>(work: Promise<T>, otherwise: T | undefined, clock: Clock): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(() => resolve(otherwise), PATIENCE_MS);
    work.finally(cancel).then(resolve, reject);
  });
}

const endedJobs = [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED] as const;
const endedTasks = [TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED] as const;
const outcomes = [
  AttemptOutcome.SUCCESS,
  AttemptOutcome.FAILURE,
  AttemptOutcome.TIMEOUT,
  AttemptOutcome.CANCELLED,
  AttemptOutcome.LOST,
  AttemptOutcome.RELEASED,
] as const;

function observeCounts(set: ServerMetricSet, { stats: { work } }: Store): void {
  set.observe("spanloom.jobs.submitted", (observe) => observe(work.jobsSubmitted));
  set.observe("spanloom.jobs.ended", (observe) => {
    for (const state of endedJobs) observe(work.jobsEnded[state] ?? 0, { "spanloom.outcome": nameOf(JobState, state) });
  });
  set.observe("spanloom.tasks.submitted", (observe) => observe(work.tasksSubmitted));
  set.observe("spanloom.tasks.ended", (observe) => {
    for (const state of endedTasks)
      observe(work.tasksEntered[state] ?? 0, { "spanloom.outcome": nameOf(TaskState, state) });
  });
  set.observe("spanloom.attempts.started", (observe) => observe(work.attemptsStarted));
  set.observe("spanloom.attempts.ended", (observe) => {
    for (const outcome of outcomes)
      observe(work.attemptsEnded[outcome] ?? 0, { "spanloom.outcome": nameOf(AttemptOutcome, outcome) });
  });
  set.observe("spanloom.attempts.retried", (observe) => observe(work.retries));
  set.observe("spanloom.progress.dropped", (observe) => observe(work.progressDropped));
  set.observe("spanloom.telemetry.dropped_by_runners", (observe) => observe(work.droppedTelemetry));
  set.observeDistributions("spanloom.queue.wait.duration", (observe) => {
    for (const [queue, { waited }] of work.queues) observe(waited, { "spanloom.queue": queue });
  });
  set.observeDistributions("spanloom.attempt.duration", (observe) => {
    for (const [queue, { ran }] of work.queues) observe(ran, { "spanloom.queue": queue });
  });
}

function nameOf(values: Readonly<Record<string, unknown>>, value: number): string {
  return (
    Object.entries(values)
      .find(([, each]) => each === value)?.[0]
      ?.toLowerCase() ?? String(value)
  );
}
