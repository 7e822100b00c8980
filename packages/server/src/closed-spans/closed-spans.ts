import { setImmediate as nextTurn } from "node:timers/promises";
import { AttemptOutcome, attemptSpanId, firingSpan, spanIdOf } from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import type { AttemptRecord, JobRecord, LifecycleBatch, Store, TaskRecord } from "../store/store.ts";
import { type AttemptSource, projectAttempt } from "../telemetry/lifecycle/project-attempt.ts";
import { projectFiring, wasFired } from "../telemetry/lifecycle/project-firing.ts";
import { projectJob } from "../telemetry/lifecycle/project-job.ts";
import { projectTask } from "../telemetry/lifecycle/project-task.ts";
import { BatchesByRunner, type BatchInMaking } from "./batches-by-runner.ts";
import { encodeClosedSpans } from "./encode-closed-spans.ts";
import type { SpanBatch } from "./outbox.ts";
import { type AskingCall, Outboxes } from "./outboxes.ts";
import { SentSpans } from "./sent-spans.ts";
import { ServedJobs } from "./served-jobs.ts";

/** How long changes gather: a task that starts and ends meanwhile is read once. */
const GATHER_MS = 300;
/** While changes come closer together than this, reading waits: it would take from the cores that the work is on. */
const QUIET_MS = 100;
/** The longest that changes wait. */
const MAX_DELAY_MS = 2_000;
/** After a failure to read. */
const RETRY_MS = 2_000;
/** How often it is seen to that what waits for a runner that is gone goes to another. */
const SETTLE_MS = 5_000;
/** Tasks read in one turn of the event loop, as the projection does. */
const SLICE = 100;

/** What closed spans are made from. */
export interface ClosedSpansOptions {
  store: Pick<Store, "readLifecycle" | "taskIds" | "peers">;
  clock: Clock;
  firstId: bigint;
  /** How long a lease is: runners call three times in one. */
  leaseMs: number;
  log: (line: string) => void;
  /** There is something for a runner, which may be asleep in a poll. */
  ready(runnerId: string): void;
}

/**
 * Hands the spans of jobs, tasks and attempts that have ended to runners that ask for them, for one purpose. The firing of
 * a job goes with the job's span.
 *
 * They are made from the record, as those of the store are, and do not wait for it. Nothing is kept or read while no
 * runner asks.
 *
 * I1. A span is handed out once it has ended, and again when it ends anew, by a retry of its job for one.
 * I2. It goes to a runner that asks and had a part in its job; first to the one that ran the attempt.
 * I3. Of servers that share the record each hands out what its own transactions ended: what ended after the last of them
 *     that changed it is another's. An attempt that another ended before is handed out by both, sooner than by none.
 * I4. Whoever asks for it is told of the task of each attempt, ended or not, unless the batch has that whole.
 * I5. A failure to read is tried again; nothing here throws into the control plane or delays it.
 */
export class ClosedSpans {
  readonly #options: ClosedSpansOptions;
  readonly #outboxes: Outboxes;
  readonly #served: ServedJobs;
  readonly #given = new SentSpans();
  /** What is to be read, and when each was noted last. */
  #jobs = new Map<string, number>();
  #tasks = new Map<string, number>();
  /** When the oldest and the latest of what is noted was. */
  #firstNotedUs = 0;
  #lastNotedUs = 0;
  #cancelTimer: (() => void) | undefined;
  #cancelSettling: (() => void) | undefined;
  #flushing: Promise<void> | undefined;
  #stopped = false;

  constructor(options: ClosedSpansOptions) {
    this.#options = options;
    this.#outboxes = new Outboxes(options);
    this.#served = new ServedJobs(options.store, this.#outboxes);
  }

  /** Spans dropped because no runner fetched them. */
  get dropped(): number {
    return this.#outboxes.dropped;
  }

  /** A runner asks. */
  heard(call: AskingCall): void {
    this.#outboxes.heard(call);
    this.#watch();
  }

  /** A runner has stopped: what was meant for it goes to another. */
  left(runnerId: string): void {
    this.#outboxes.left(runnerId);
    this.#settle();
  }

  /** A call of a runner was cut off: what it was not handed goes to another. */
  cutOff(runnerId: string): void {
    this.#outboxes.cutOff(runnerId);
    this.#settle();
  }

  /** Has all that ended before the call wait for its runners, and all that this one did not get. */
  async catchUp(runnerId: string): Promise<void> {
    await this.flush();
    this.#settle();
    this.#outboxes.takeBack(runnerId);
  }

  /** Whether something waits for a runner. */
  isReady(runnerId: string): boolean {
    return this.#outboxes.isReady(runnerId);
  }

  /** What an answer to a runner brings. */
  take(runnerId: string): readonly SpanBatch[] {
    return this.#outboxes.take(runnerId);
  }

  /** Notes that spans of these jobs and tasks have changed. */
  note(jobIds: ReadonlySet<string>, taskIds: ReadonlySet<string>): void {
    if (!this.#outboxes.asked || this.#stopped) return;
    const nowUs = this.#options.clock.nowUs();
    if (this.#jobs.size + this.#tasks.size === 0) this.#firstNotedUs = nowUs;
    this.#lastNotedUs = nowUs;
    for (const id of jobIds) this.#jobs.set(id, nowUs);
    for (const id of taskIds) this.#tasks.set(id, nowUs);
    this.#schedule(GATHER_MS);
  }

  #schedule(delayMs: number): void {
    if (this.#stopped || this.#cancelTimer || this.#flushing) return;
    this.#cancelTimer = this.#options.clock.schedule(() => {
      this.#cancelTimer = undefined;
      if (this.#isBusy()) this.#schedule(QUIET_MS);
      else void this.flush();
    }, delayMs);
  }

  /** Whether changes come so fast that reading them would get in the way, and none has waited for long. */
  #isBusy(): boolean {
    const nowUs = this.#options.clock.nowUs();
    return nowUs - this.#lastNotedUs < QUIET_MS * 1000 && nowUs - this.#firstNotedUs < MAX_DELAY_MS * 1000;
  }

  /** Makes spans of all that was noted before the call, as far as it can be read. Never rejects. */
  async flush(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    if (this.#stopped || this.#jobs.size + this.#tasks.size === 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#flushing = this.#make();
    await this.#flushing;
  }

  async #make(): Promise<void> {
    const [jobs, tasks] = [this.#jobs, this.#tasks];
    this.#jobs = new Map();
    this.#tasks = new Map();
    let delayMs = GATHER_MS;
    try {
      await this.#collect(jobs, tasks);
    } catch (error) {
      this.#jobs = new Map([...jobs, ...this.#jobs]);
      this.#tasks = new Map([...tasks, ...this.#tasks]);
      delayMs = RETRY_MS;
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log(`spans of ${jobs.size} jobs wait to be handed to runners: ${why}`);
    } finally {
      this.#flushing = undefined;
      if (this.#jobs.size + this.#tasks.size > 0) this.#schedule(delayMs);
      this.#settle();
    }
  }

  /** A job's own span comes last, as it ends last. */
  async #collect(jobs: Noted, tasks: Noted): Promise<void> {
    const { store } = this.#options;
    // What was built before a failure is handed out: it counts as given.
    using batches = new BatchesByRunner((runnerId, built) => this.#hand(runnerId, built));
    for (const slice of slicesOf(tasks.keys())) {
      const batch = await store.readLifecycle([], slice);
      await this.#served.learn(batch);
      const known = this.#outboxes.wantsTasks ? await this.#knownTasks(batch) : undefined;
      this.#addTasks(batches, batch, { noted: tasks, known });
      await nextTurn();
    }
    for (const slice of slicesOf(jobs.keys())) {
      const batch = await store.readLifecycle(slice, []);
      await this.#served.learn(batch);
      for (const job of batch.jobs) this.#addJob(batches, job, jobs.get(job.id));
      await nextTurn();
    }
  }

  /** Tasks of a batch, and of those that they depend on the ones that were tried more than once. */
  async #knownTasks({ jobs, tasks }: LifecycleBatch): Promise<KnownTasks> {
    const known = new Map(tasks.map((task) => [task.id, task]));
    const served = new Map(jobs.filter(({ id }) => this.#served.has(id)).map((job) => [job.id, job]));
    const needed = tasks.filter(({ id, jobId, attempts: [first] }) => {
      const job = served.get(jobId);
      return job && first?.endedAtUs !== undefined && !this.#wasGiven(job, attemptSpanId(id, 1), contentOf(first));
    });
    const others = new Set(needed.flatMap(({ dependsOn }) => dependsOn).filter((id) => !known.has(id)));
    for (const slice of slicesOf(others)) {
      const read = await this.#options.store.readLifecycle([], slice);
      for (const task of read.tasks) if (task.attempts.length > 1) known.set(task.id, task);
      await nextTurn();
    }
    return known;
  }

  #addTasks(
    batches: BatchesByRunner,
    { jobs, tasks }: LifecycleBatch,
    { noted, known }: { noted: Noted; known: KnownTasks | undefined },
  ): void {
    const byId = new Map(jobs.map((job) => [job.id, job]));
    for (const task of tasks) {
      const job = byId.get(task.jobId);
      if (!job || !this.#served.has(job.id)) continue;
      const notedUs = noted.get(task.id);
      for (const attempt of task.attempts) {
        if (this.#isOwn(attempt, notedUs)) this.#addAttempt(batches, { job, task, attempt }, known);
      }
      if (!this.#isOwn(task, notedUs) || !this.#isNews(job, spanIdOf(task.id), task)) continue;
      const batch = batches.of(this.#runnerOf(job, task.attempts.at(-1)));
      projectTask(batch.rows.columns, job, task, 0n);
      batch.tasks.addTask(task);
    }
  }

  /** Whether something has ended, and by this server's doing as far as can be told (I3). */
  #isOwn<Kind extends { endedAtUs?: number }>(
    ended: Kind,
    notedUs = Number.POSITIVE_INFINITY,
  ): ended is Kind & { endedAtUs: number } {
    if (ended.endedAtUs === undefined) return false;
    return this.#options.store.peers === undefined || ended.endedAtUs <= notedUs;
  }

  #addAttempt(batches: BatchesByRunner, source: AttemptSource, known: KnownTasks | undefined): void {
    const { job, task, attempt } = source;
    const { number, endedAtUs = 0, outcome, runnerId } = attempt;
    if (outcome === AttemptOutcome.LOST) this.#outboxes.lost(runnerId, endedAtUs);
    if (!this.#isNews(job, attemptSpanId(task.id, number), attempt)) return;
    const batch = batches.of(this.#runnerOf(job, attempt));
    projectAttempt(batch.rows, source, 0n);
    if (known) batch.tasks.addAttempt(source, known);
  }

  #addJob(batches: BatchesByRunner, job: JobRecord, notedUs: number | undefined): void {
    if (!this.#isOwn(job, notedUs) || !this.#served.has(job.id)) return;
    if (this.#isNews(job, spanIdOf(job.id), job)) {
      const { rows } = batches.of(this.#runnerOf(job, undefined));
      if (wasFired(job) && this.#isNews(job, firingSpan(job.id).spanId, { endedAtUs: job.createdAtUs })) {
        projectFiring(rows.columns, job);
      }
      projectJob(rows.columns, job, 0n);
    }
    this.#served.end(job.id);
  }

  /** Whether a span was not handed out as it is now; from now on it was. */
  #isNews(job: JobRecord, spanId: string, ended: Ended): boolean {
    const content = contentOf(ended);
    if (this.#wasGiven(job, spanId, content)) return false;
    this.#given.add(job.trace.traceId + spanId, content);
    return true;
  }

  #wasGiven({ trace }: JobRecord, spanId: string, content: bigint): boolean {
    return this.#given.has(trace.traceId + spanId, content);
  }

  /** Who is given a span: who ran the attempt, or another that asks, alive if there is any (I2). */
  #runnerOf(job: JobRecord, attempt: AttemptRecord | undefined): string {
    const served = this.#served.of(job.id);
    const isAlive = (runnerId: string) => this.#outboxes.isAlive(runnerId);
    if (attempt && served.includes(attempt.runnerId) && isAlive(attempt.runnerId)) return attempt.runnerId;
    return served.findLast(isAlive) ?? served.at(-1)!;
  }

  #hand(runnerId: string, { rows, tasks }: BatchInMaking): void {
    const traces = encodeClosedSpans(rows);
    this.#outboxes.add(runnerId, {
      traces,
      tasks: tasks.all,
      spans: rows.rows,
      bytes: traces.byteLength + tasks.bytes,
    });
    this.#options.ready(runnerId);
  }

  /** Sees to what waits for runners that are gone. */
  #settle(): void {
    for (const runnerId of this.#outboxes.settle()) this.#options.ready(runnerId);
  }

  /** Settles from time to time, as long as any runner asks. */
  #watch(): void {
    if (this.#stopped || this.#cancelSettling) return;
    this.#cancelSettling = this.#options.clock.schedule(() => {
      this.#cancelSettling = undefined;
      this.#settle();
      if (this.#outboxes.asked) this.#watch();
    }, SETTLE_MS);
  }

  /** Ends; what waits is let go. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelSettling?.();
    await this.#flushing;
  }
}

/** Jobs or tasks, and when each was noted last, in microseconds. */
type Noted = ReadonlyMap<string, number>;

/** Tasks by id. */
type KnownTasks = ReadonlyMap<string, TaskRecord>;

/** What of a record makes its span another when it changes. */
interface Ended {
  endedAtUs?: number;
  droppedTelemetry?: number;
}

function contentOf({ endedAtUs = 0, droppedTelemetry = 0 }: Ended): bigint {
  return BigInt(Math.round(endedAtUs)) * 2n ** 32n + BigInt(droppedTelemetry);
}

function* slicesOf(ids: Iterable<string>): Iterable<string[]> {
  const all = [...ids];
  for (let from = 0; from < all.length; from += SLICE) yield all.slice(from, from + SLICE);
}
