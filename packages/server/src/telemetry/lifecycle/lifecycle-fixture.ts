import { AttemptOutcome, JobState, TaskState, traceIdOfJob } from "@spanloom/protocol";
import type { AttemptRecord, JobRecord, Store, TaskRecord } from "../../store/store.ts";

/** Test fixture: control-plane records in short, and a store that serves them. */

/** Start of fixture time, in microseconds. */
export const startUs = Date.UTC(2026, 0, 1) * 1000;

/** Ids by number, as UUIDs. */
export function fixtureId(n: number): string {
  return `01890000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`;
}

/** An ended, successful job; the rest as given. */
export function jobRecord(id: string, rest: Partial<JobRecord> = {}): JobRecord {
  const none = {
    blocked: 0,
    scheduled: 0,
    queued: 0,
    running: 0,
    waiting: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    skipped: 0,
  };
  return {
    id,
    name: "audit",
    state: JobState.SUCCEEDED,
    tags: {},
    queue: "default",
    priority: 0,
    counts: none,
    attempts: 1,
    progress: [],
    createdAtUs: startUs,
    startedAtUs: startUs + 1_000,
    endedAtUs: startUs + 9_000,
    idempotencyKey: "",
    trace: { traceId: traceIdOfJob(id), parentSpanId: "", tracestate: "", baggage: "", sampled: true },
    ...rest,
  };
}

/** An ended, successful root task with one attempt; the rest as given. */
export function taskRecord(id: string, jobId: string, rest: Partial<TaskRecord> = {}): TaskRecord {
  return {
    id,
    jobId,
    jobName: "audit",
    parentAttempt: 0,
    name: "walk",
    major: 1,
    minor: 2,
    queue: "default",
    state: TaskState.SUCCEEDED,
    depth: 0,
    priority: 0,
    optional: false,
    display: "",
    dependsOn: [],
    dependencyCount: 0,
    attempts: [attemptRecord(1)],
    attemptCount: 1,
    maxAttempts: 3,
    progress: [],
    createdAtUs: startUs,
    unblockedAtUs: startUs,
    queuedAtUs: startUs,
    startedAtUs: startUs + 1_000,
    endedAtUs: startUs + 8_000,
    childCount: 0,
    ...rest,
  };
}

/** An ended, successful attempt; the rest as given. */
export function attemptRecord(number: number, rest: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    number,
    runnerId: "runner-1",
    outcome: AttemptOutcome.SUCCESS,
    leasedAtUs: startUs + number * 1_000,
    endedAtUs: startUs + number * 1_000 + 700,
    queuedAtUs: startUs + number * 1_000 - 500,
    backoffUs: 0,
    spanExtras: new Uint8Array(),
    droppedTelemetry: 0,
    ...rest,
  };
}

/** The store as the projection sees it, over records that a test may change. */
export class LifecycleFixture
  implements Pick<Store, "readLifecycle" | "unprojectedJobs" | "taskIds" | "markProjected">
{
  readonly jobs = new Map<string, JobRecord>();
  readonly tasks = new Map<string, TaskRecord>();
  readonly projected: string[] = [];
  reads = 0;

  /** Adds or replaces records. */
  put(job: JobRecord, ...tasks: readonly TaskRecord[]): void {
    this.jobs.set(job.id, job);
    for (const task of tasks) this.tasks.set(task.id, task);
  }

  async readLifecycle(jobIds: Iterable<string>, taskIds: Iterable<string>) {
    this.reads++;
    const tasks = [...taskIds].flatMap((id) => this.tasks.get(id) ?? []);
    const wanted = new Set([...jobIds, ...tasks.map(({ jobId }) => jobId)]);
    return { jobs: [...wanted].flatMap((id) => this.jobs.get(id) ?? []), tasks };
  }

  async unprojectedJobs() {
    return [...this.jobs.keys()].filter((id) => !this.projected.includes(id));
  }

  async taskIds(jobId: string) {
    return [...this.tasks.values()].filter((task) => task.jobId === jobId).map(({ id }) => id);
  }

  async markProjected(ends: ReadonlyMap<string, number>) {
    this.projected.push(...ends.keys());
  }
}
