import { AttemptOutcome, IdGenerator, JobState, TaskState, traceIdOfJob } from "@spanloom/protocol";
import type {
  AttemptReport,
  AttemptResult,
  ClaimRequest,
  JobRecord,
  Lease,
  NewJob,
  NewTaskSet,
  NewTaskSpec,
  ReportOutcome,
  Store,
  TaskRecord,
} from "@spanloom/server/store";
import { FakeClock } from "../fake-clock.ts";
import { tempDir } from "../temp-dir.ts";

/** Makes a store, not started, over a folder or database named by `dataDir`. */
export type MakeStore = (options: { dataDir: string; clock: FakeClock; cancelGraceMs: number }) => Store;

/** A group of equal tasks, in short. */
export interface GroupSketch extends Partial<NewTaskSpec> {
  name: string;
  /** Default 1. */
  count?: number;
  /** Names of earlier groups. */
  after?: readonly string[];
}

/** Lease length the driver asks for. */
export const LEASE_MS = 15_000;
/** Grace the driver's stores give attempts that should stop. */
export const GRACE_MS = 10_000;

const NO_BYTES = new Uint8Array(0);

/** Retries at once, so that schedules need no clock. */
export const retryAtOnce = (maxAttempts: number) => ({
  maxAttempts,
  initialDelayMs: 0,
  factor: 1,
  maxDelayMs: 0,
  jitter: 0,
  nonRetryableTypes: [],
});

/** Tasks in short; each group has a spec of its own, and inputs that name their index. */
export function taskSet(...groups: readonly GroupSketch[]): NewTaskSet {
  const names = groups.map(({ name }) => name);
  return {
    specs: groups.map(({ count, after, ...spec }) => ({
      major: 1,
      minor: 0,
      retry: retryAtOnce(1),
      optional: false,
      ...spec,
    })),
    groups: groups.map(({ count = 1, after = [] }, spec) => ({
      inputs: Array.from({ length: count }, (_, i) => Buffer.from(String(i))),
      specs: [spec],
      dependsOn: after.map((name) => names.indexOf(name)).sort((a, b) => a - b),
      displays: [],
    })),
  };
}

/** Drives a store as a server and its runners would, with a clock of its own. */
export class StoreDriver {
  readonly clock = new FakeClock();
  readonly runnerId: string;
  readonly jobIds: string[] = [];
  /** Jobs that were retried: what they had finished may have to wait for what runs again. */
  readonly retriedJobIds = new Set<string>();
  readonly #dir = tempDir("spanloom-store-");
  readonly #makeStore: MakeStore;
  readonly #ids = new IdGenerator();
  readonly #names = new Set<string>();
  store: Store;

  private constructor(makeStore: MakeStore) {
    this.#makeStore = makeStore;
    this.runnerId = this.#ids.next();
    this.store = this.#make();
  }

  /** Opens an empty store. */
  static async open(makeStore: MakeStore): Promise<StoreDriver> {
    const driver = new StoreDriver(makeStore);
    await driver.store.start();
    return driver;
  }

  /** Closes the store and opens it again, as a restarted server would. */
  async reopen(): Promise<void> {
    await this.store.stop();
    this.store = this.#make();
    await this.store.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.stop();
    this.#dir[Symbol.dispose]();
  }

  /** A new id. */
  newId(): string {
    return this.#ids.next();
  }

  /** A job as the server hands it to the store. */
  newJob(tasks: NewTaskSet, overrides: Partial<NewJob> = {}): NewJob {
    for (const { name } of tasks.specs) this.#names.add(name);
    const id = this.newId();
    const trace = { traceId: traceIdOfJob(id), parentSpanId: "", tracestate: "", baggage: "", sampled: true };
    const plain = { tags: {}, queue: "default", priority: 0, idempotencyKey: "", requestHash: "" };
    return { id, name: "job", tasks, trace, ...plain, ...overrides };
  }

  /** Submits a job of these groups; returns its id. */
  async submit(...groups: readonly GroupSketch[]): Promise<string> {
    return this.submitJob(this.newJob(taskSet(...groups)));
  }

  /** Submits a job; returns its id. */
  async submitJob(job: NewJob): Promise<string> {
    const [outcome] = await this.store.submitJobs([job]);
    if (outcome?.kind !== "created") throw new Error(`cannot go on: the job was not created but ${outcome?.kind}`);
    this.jobIds.push(job.id);
    return job.id;
  }

  /** A claim for everything submitted so far. */
  claimRequest(overrides: Partial<ClaimRequest> = {}): ClaimRequest {
    const identifiers = [...this.#names].map((name) => ({ name, major: 1, minor: 0 }));
    return { runnerId: this.runnerId, queues: ["default"], identifiers, limit: 1_000, leaseMs: LEASE_MS, ...overrides };
  }

  /** Leases tasks. */
  async claim(overrides: Partial<ClaimRequest> = {}): Promise<readonly Lease[]> {
    const claim = this.claimRequest(overrides);
    return (await this.store.exchange({ runnerId: claim.runnerId, reports: [], claim })).leases;
  }

  /** Leases exactly one task. */
  async claimOne(overrides: Partial<ClaimRequest> = {}): Promise<Lease> {
    const [lease] = await this.claim({ ...overrides, limit: 1 });
    if (lease === undefined) throw new Error("cannot go on: no task is ready");
    return lease;
  }

  /** Reports results; returns what became of each. */
  async report(...reports: readonly AttemptReport[]): Promise<readonly ReportOutcome[]> {
    return (await this.store.exchange({ runnerId: this.runnerId, reports, claim: undefined })).reports;
  }

  /** Reports success. */
  async succeed(lease: Lease, output = "", children?: NewTaskSet): Promise<ReportOutcome> {
    return (await this.report(this.success(lease, output, children)))[0]!;
  }

  /** Reports failure. */
  async fail(lease: Lease, overrides: Partial<FailureResult> = {}): Promise<ReportOutcome> {
    return (await this.report(this.failure(lease, overrides)))[0]!;
  }

  /** A success, not yet reported. */
  success(lease: Lease, output = "", children?: NewTaskSet): AttemptReport {
    for (const { name } of children?.specs ?? []) this.#names.add(name);
    return toReport(lease, { kind: "success", output: Buffer.from(output), children, display: undefined });
  }

  /** A failure, not yet reported. */
  failure(lease: Lease, overrides: Partial<FailureResult> = {}): AttemptReport {
    const failure = { type: "Error", message: `${lease.name} failed`, stack: "at run" };
    const result: FailureResult = {
      kind: "failure",
      failure,
      outcome: AttemptOutcome.FAILURE,
      retryable: undefined,
      retryAfterMs: undefined,
      ...overrides,
    };
    return toReport(lease, result);
  }

  /** Leases and completes tasks until none is ready; returns the names in the order they were leased. */
  async drain(overrides: Partial<ClaimRequest> = {}): Promise<string[]> {
    const names: string[] = [];
    for (;;) {
      const leases = await this.claim(overrides);
      if (leases.length === 0) return names;
      names.push(...leases.map(({ name }) => name));
      await this.report(...leases.map((lease) => this.success(lease, `${lease.name} done`)));
    }
  }

  /** Runs tasks of an ended job again; returns how many. */
  async retry(jobId: string, taskIds: readonly string[] = []): Promise<number> {
    const { retried } = await this.store.retryJob(jobId, taskIds);
    this.retriedJobIds.add(jobId);
    return retried;
  }

  /** A job as it stands. */
  async job(id: string): Promise<JobRecord> {
    const [job] = await this.store.getJobs([id], { includeOutputs: true });
    if (job === undefined) throw new Error(`cannot go on: job ${id} is unknown`);
    return job;
  }

  /** All tasks of a job, page by page. */
  async tasks(jobId: string): Promise<TaskRecord[]> {
    const tasks: TaskRecord[] = [];
    for (;;) {
      const after = tasks.at(-1)?.id;
      const page = { limit: 1_000, ...(after !== undefined && { after }) };
      const more = await this.store.listTasks({ jobId, includePayloads: true }, page);
      tasks.push(...more);
      if (more.length < page.limit) return tasks;
    }
  }

  /** State names of a job's tasks by task name; of tasks with one name, each distinct state once. */
  async states(jobId: string): Promise<Record<string, string>> {
    const states = new Map<string, Set<string>>();
    for (const { name, state } of await this.tasks(jobId)) {
      states.set(name, (states.get(name) ?? new Set()).add(taskStateName(state)));
    }
    return Object.fromEntries([...states].map(([name, set]) => [name, [...set].sort().join(" ")]));
  }

  /** Name of a job's state. */
  async jobState(jobId: string): Promise<string> {
    return jobStateName((await this.job(jobId)).state);
  }

  #make(): Store {
    return this.#makeStore({ dataDir: this.#dir.path, clock: this.clock, cancelGraceMs: GRACE_MS });
  }
}

type FailureResult = Extract<AttemptResult, { kind: "failure" }>;

/** A report as the server hands it to the store. */
export function toReport(lease: Lease, result: AttemptResult): AttemptReport {
  const { taskId, attempt, token } = lease;
  return { taskId, attempt, token, result, progress: [], spanExtras: NO_BYTES, droppedTelemetry: 0 };
}

/** Name of a task's state. */
export function taskStateName(state: number): string {
  return Object.entries(TaskState).find(([, value]) => value === state)?.[0] ?? String(state);
}

/** Name of a job's state. */
export function jobStateName(state: number): string {
  return Object.entries(JobState).find(([, value]) => value === state)?.[0] ?? String(state);
}
