import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import type { LifecycleBatch, Store } from "../../store/store.ts";
import type { InsertBatch } from "../columnar/span-store.ts";
import { RowBuilder, type SpanColumns, spanColumns } from "../columns/span-columns.ts";
import type { TelemetryCounts } from "../telemetry-counts.ts";
import type { StoppedAttempt } from "./close-open-spans.ts";
import { projectAttempt } from "./project-attempt.ts";
import { projectFiring, wasFired } from "./project-firing.ts";
import { projectJob } from "./project-job.ts";
import { projectTask } from "./project-task.ts";
import { RecentNames } from "./recent-names.ts";
import { StoppedAttempts } from "./stopped-attempts.ts";

/** How long changes gather before they are written: a task that starts and ends meanwhile is written once. */
const FLUSH_DELAY_MS = 500;
/** While changes come closer together than this, writing waits: a fan-out's tasks took 25 of 69 us for their spans. */
const QUIET_MS = 250;
/** The longest that changes wait when nobody asks: a query writes them first. */
const MAX_DELAY_MS = 2_000;
/** After a failure the first wait, doubled up to the last. */
const RETRY_MS = { first: 500, last: 15_000 };
/** Tasks read and turned into rows in one turn of the event loop: some 200 rows, about 1.5 ms. */
const SLICE = 100;
/** Rows of one insert. */
const BATCH_ROWS = 20_000;

/** What the projection works with. */
export interface ProjectorOptions {
  store: Pick<Store, "readLifecycle" | "unprojectedJobs" | "taskIds" | "markProjected">;
  clock: Clock;
  log: (line: string) => void;
  /** Resolves when the rows are in the telemetry store. */
  insert: (batch: InsertBatch) => Promise<void>;
  counts?: Pick<TelemetryCounts, "failedProjections">;
  /** Ends the spans that these attempts left open. */
  closeOpenSpans?: (attempts: readonly StoppedAttempt[]) => Promise<void>;
  /** Whether every other server that writes spans of the same jobs has written what it noted. Absent when there is none. */
  othersFlushed?: () => Promise<boolean>;
}

/** Versions that servers share begin here: above all that one server makes of its clock. */
const SHARED_VERSIONS = 2n ** 62n;

/**
 * Writes the spans of jobs, tasks, attempts and firings from the control plane's record.
 *
 * I1. A span's row says what the record said when it was read, and later rows have higher versions: what is noted
 *     while a projection runs is projected again after it.
 * I2. An ended job is marked projected only when its final rows, and those of its tasks, are in the store; what is not
 *     marked is projected whole at the next start, so a crash loses no span (P1).
 *     Where servers share the record, each writes what its own transactions changed: so the others are asked first, and
 *     beside the flush, as they may be asking at the same time. What a server that is gone had noted is projected whole
 *     by another before anyone marks it.
 * I3. A failure puts back what was taken; nothing here throws into the control plane (P4).
 */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #closed = new StoppedAttempts();
  /** Jobs whose firing is in the store: it never changes, and is written once, but for a crash. */
  readonly #fired = new RecentNames();
  #jobs = new Set<string>();
  #tasks = new Set<string>();
  #rows = 0;
  #flushing: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  /** When the oldest and the latest of what is noted was. */
  #firstNotedUs = 0;
  #lastNotedUs = 0;
  #lastVersion: bigint;
  #retryMs = 0;
  #stopped = false;
  /** Ended jobs that are written here and not known to be written by others, and when they ended. */
  #written = new Map<string, number>();
  #settling: Promise<void> | undefined;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    this.#lastVersion = 0n;
  }

  /** Jobs and tasks noted and not yet written. */
  get pending(): number {
    return this.#jobs.size + this.#tasks.size + this.#rows;
  }

  /** Versions given from now on are above `version`. */
  startVersionsAfter(version: bigint): void {
    if (version > this.#lastVersion) this.#lastVersion = version;
  }

  /** Notes that spans of these jobs and tasks are out of date. */
  note(jobIds: ReadonlySet<string>, taskIds: ReadonlySet<string>): void {
    this.#lastNotedUs = this.#options.clock.nowUs();
    if (this.#jobs.size + this.#tasks.size === 0) this.#firstNotedUs = this.#lastNotedUs;
    for (const id of jobIds) this.#jobs.add(id);
    for (const id of taskIds) this.#tasks.add(id);
    this.#schedule(FLUSH_DELAY_MS);
  }

  #schedule(delayMs: number): void {
    if (this.#stopped || this.#cancelTimer || this.#flushing) return;
    this.#cancelTimer = this.#options.clock.schedule(() => {
      this.#cancelTimer = undefined;
      if (this.#isBusy()) this.#schedule(QUIET_MS);
      else this.flush().catch(() => undefined); // logged, and tried again by the timer it set
    }, delayMs);
  }

  /** Whether changes come so fast that writing them would get in the way, and none has waited for long. */
  #isBusy(): boolean {
    const now = this.#options.clock.nowUs();
    return now - this.#lastNotedUs < QUIET_MS * 1000 && now - this.#firstNotedUs < MAX_DELAY_MS * 1000;
  }

  /** Writes everything noted before the call. Rejects when the stores cannot be reached; it is tried again by itself. */
  async flush(): Promise<void> {
    // A projection under way may have read its rows before the latest note: what it left is flushed after it.
    while (this.#flushing) await this.#flushing;
    if (this.#jobs.size === 0 && this.#tasks.size === 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#flushing = this.#flush();
    try {
      await this.#flushing;
    } finally {
      this.#flushing = undefined;
      if (this.#jobs.size + this.#tasks.size > 0) this.#schedule(this.#retryMs || FLUSH_DELAY_MS);
    }
  }

  async #flush(): Promise<void> {
    const jobs = this.#jobs;
    const tasks = this.#tasks;
    this.#jobs = new Set();
    this.#tasks = new Set();
    try {
      await this.#project(jobs, tasks);
      this.#retryMs = 0;
    } catch (error) {
      for (const id of jobs) this.#jobs.add(id);
      for (const id of tasks) this.#tasks.add(id);
      if (this.#options.counts) this.#options.counts.failedProjections++;
      this.#retryMs = Math.min(this.#retryMs * 2 || RETRY_MS.first, RETRY_MS.last);
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log(`telemetry: lifecycle spans of ${jobs.size} jobs and ${tasks.size} tasks wait: ${why}`);
      throw error;
    }
  }

  /** Projects in slices; an ended job's own span goes last, so that its presence means its tree is there. */
  async #project(jobs: ReadonlySet<string>, tasks: ReadonlySet<string>): Promise<void> {
    const { store } = this.#options;
    let rows = new RowBuilder(spanColumns());
    const version = this.#nextVersion();
    const stopped: StoppedAttempt[] = [];
    for (const slice of slices(tasks)) {
      const batch = await store.readLifecycle([], slice);
      appendTasks(rows, batch, version);
      this.#closed.collect(batch, stopped);
      if (rows.rows >= BATCH_ROWS) {
        await this.#insert(rows);
        rows = new RowBuilder(spanColumns());
      }
      await nextTurn();
    }
    const ended = new Map<string, number>();
    const fired: string[] = [];
    for (const slice of slices(jobs)) {
      const batch = await store.readLifecycle(slice, []);
      for (const job of batch.jobs) {
        if (wasFired(job) && !this.#fired.has(job.id)) {
          projectFiring(rows.columns, job);
          fired.push(job.id);
        }
        projectJob(rows.columns, job, versionOf(batch, version));
        if (job.endedAtUs !== undefined) ended.set(job.id, job.endedAtUs);
      }
      await nextTurn();
    }
    await this.#insert(rows);
    this.#fired.add(fired);
    if (stopped.length > 0) await this.#closeOpenSpans(stopped);
    await this.#markEnded(ended);
  }

  async #closeOpenSpans(attempts: readonly StoppedAttempt[]): Promise<void> {
    await this.#options.closeOpenSpans?.(attempts);
    this.#closed.remember(attempts);
  }

  async #insert(rows: RowBuilder<SpanColumns>): Promise<void> {
    const count = rows.rows;
    if (count === 0) return;
    this.#rows += count;
    try {
      await this.#options.insert({ table: "spans", ipc: rows.finish(), rows: count });
    } finally {
      this.#rows -= count;
    }
  }

  /** Marks jobs that have ended and of which nothing more is noted (I2). */
  async #markEnded(ended: ReadonlyMap<string, number>): Promise<void> {
    if (!this.#options.othersFlushed) return this.#mark(ended);
    for (const [id, endedAtUs] of ended) this.#written.set(id, endedAtUs);
    if (this.#written.size > 0) this.#settling ??= this.#settle().finally(() => (this.#settling = undefined));
  }

  async #mark(ended: ReadonlyMap<string, number>): Promise<void> {
    const settled = new Map([...ended].filter(([id]) => !this.#jobs.has(id)));
    if (settled.size > 0) await this.#options.store.markProjected(settled);
  }

  /** Marks what others have written, too. What stays unmarked is projected again by the next server that starts. */
  async #settle(): Promise<void> {
    while (this.#written.size > 0) {
      const ended = this.#written;
      this.#written = new Map();
      try {
        if (await this.#options.othersFlushed?.()) await this.#mark(ended);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.#options.log(`telemetry: ${ended.size} jobs are not marked as written: ${why}`);
      }
    }
  }

  #nextVersion(): bigint {
    // Above every version that ingest gives: payload number times 2^24 stays below this for 10^11 payloads.
    const now = BigInt(Math.floor(this.#options.clock.nowUs())) * 1024n;
    this.#lastVersion = now > this.#lastVersion ? now : this.#lastVersion + 1n;
    return this.#lastVersion;
  }

  /** Notes every job whose final spans are not known to be stored, with all its tasks. */
  async recover(): Promise<void> {
    const { store } = this.#options;
    for (let after: string | undefined; ; ) {
      const ids = await store.unprojectedJobs(SLICE, after);
      for (const id of ids) await this.#noteWhole(id);
      if (ids.length < SLICE) return;
      after = ids.at(-1);
    }
  }

  async #noteWhole(jobId: string): Promise<void> {
    const { store } = this.#options;
    for (let after: string | undefined; ; ) {
      const ids = await store.taskIds(jobId, after === undefined ? { limit: SLICE } : { limit: SLICE, after });
      this.note(new Set([jobId]), new Set(ids));
      if (ids.length < SLICE) return;
      after = ids.at(-1);
    }
  }

  /** Writes what is noted, if the stores allow, and stops its timer. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    await this.flush().catch(() => undefined); // logged; what is left is recovered at the next start (I2)
    await this.#settling;
  }
}

function versionOf(batch: LifecycleBatch, own: bigint): bigint {
  return batch.version === undefined ? own : SHARED_VERSIONS + BigInt(batch.version);
}

function appendTasks(rows: RowBuilder<SpanColumns>, batch: LifecycleBatch, own: bigint): void {
  const version = versionOf(batch, own);
  const jobs = new Map(batch.jobs.map((job) => [job.id, job]));
  for (const task of batch.tasks) {
    const job = jobs.get(task.jobId);
    if (!job) continue;
    projectTask(rows.columns, job, task, version);
    for (const attempt of task.attempts) projectAttempt(rows, { job, task, attempt }, version);
  }
}

function* slices(ids: ReadonlySet<string>): Iterable<string[]> {
  let slice: string[] = [];
  for (const id of ids) {
    slice.push(id);
    if (slice.length === SLICE) {
      yield slice;
      slice = [];
    }
  }
  if (slice.length > 0) yield slice;
}
