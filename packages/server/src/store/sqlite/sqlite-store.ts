import { join } from "node:path";
import { SpanloomError } from "@spanloom/protocol";
import type { SelfTracer } from "../../self-tracing/self-tracer.ts";
import { Changes } from "../changes.ts";
import { commitFacts } from "../commit-trace.ts";
import type * as contract from "../store.ts";
import { StoreStats } from "../store-stats.ts";
import type { WorkCounts } from "../work-counts.ts";
import { cancelJob } from "./cancel.ts";
import { type Control, flushWork, newControl } from "./control.ts";
import { DataLock } from "./data-lock.ts";
import { Database } from "./database.ts";
import { dependencyOutputs } from "./dependencies.ts";
import { exchange, heartbeat } from "./exchange.ts";
import { type Brings, GroupCommit } from "./group-commit.ts";
import { markProjected, readLifecycle, unprojectedJobs } from "./lifecycle.ts";
import { countJobs, listJobs } from "./list-jobs.ts";
import { maintain } from "./maintain.ts";
import { migrate } from "./migrate.ts";
import { LOG_PAGES, preallocateLog } from "./preallocate-log.ts";
import { openCounts, openTasks, queueDepths, queueStats } from "./queue-stats.ts";
import { getJobs, jobStates } from "./read-jobs.ts";
import { readSubmission } from "./read-submission.ts";
import { getTask, listTasks, taskIds } from "./read-tasks.ts";
import { recover } from "./recover.ts";
import { retryJob } from "./retry.ts";
import { drainRunner, listRunners, registerRunner, unregisterRunner } from "./runners.ts";
import { submitJob } from "./submit.ts";
import { SqliteTriggers } from "./triggers/sqlite-triggers.ts";
import { refuseUnwritable } from "./write-access.ts";

/** How an embedded store is set up. */
export interface SqliteStoreOptions {
  /** Folder of `control.db`; created when absent. One process at a time may have it open. */
  dataDir: string;
  /** The clock: microseconds since the epoch. Default: the system's. */
  nowUs?: () => number;
  /** Numbers in [0, 1), for jitter. Default: Math.random. */
  random?: () => number;
  /** How long an attempt that was told to stop may take to report before it is fenced. Default 10,000; 0 fences at once. */
  cancelGraceMs?: number;
  /** Outputs of dependencies travel with a lease when they are no larger together. Default 1 MiB. */
  maxInlineDependencyBytes?: number;
  /** A claim takes no more tasks once the bytes to send with those it has reach this. Default 16 MiB. */
  maxLeaseBytes?: number;
  /** The data file grows no larger: writes then fail as OVERLOADED. Default: as large as the disk allows. */
  maxBytes?: number;
  /** Fill the log's file at the start, 16 MiB, for faster commits. Default false: tests start many stores. */
  preallocateLog?: boolean;
  /** A runner not heard of for this long is shown as lost. Default 60,000: idle runners poll every 30 s. */
  runnerLostMs?: number;
  /** Traces commits. */
  tracer?: SelfTracer | undefined;
}

type Listeners = { [Name in keyof contract.StoreEvents]: Set<contract.StoreEvents[Name]> };

/**
 * The embedded control-plane store: one SQLite file, one process.
 *
 * Ready tasks and running attempts are mirrored in memory, which one process may do; see control.ts.
 */
export class SqliteStore implements contract.Store {
  readonly stats = new StoreStats();
  readonly triggers = new SqliteTriggers({
    read: (run) => this.#read(run),
    write: (run, brings) => this.#write(run, brings),
  });
  readonly #options: SqliteStoreOptions;
  readonly #lock: DataLock;
  readonly #listeners: Listeners = {
    ready: new Set(),
    changed: new Set(),
    ended: new Set(),
    cancelled: new Set(),
    due: new Set(),
    // There are no other servers on a file.
    elsewhere: new Set(),
    missed: new Set(),
  };
  readonly #commits: GroupCommit;
  #control: Control | undefined;
  /** Whether memory may differ from the record, after a rollback that could not be followed up. */
  #stale = false;
  /** Next due time announced. */
  #announcedUs = Number.POSITIVE_INFINITY;

  constructor(options: SqliteStoreOptions) {
    this.#options = options;
    this.#lock = new DataLock(options.dataDir);
    this.#commits = new GroupCommit(
      {
        begin: () => this.#begin(),
        betweenRounds: () => this.#announceReady(),
        commit: () => this.#commit(),
        changed: () => commitFacts("sqlite", this.#control!.changes),
        announce: () => this.#announce(),
        rollback: () => this.#rollback(),
      },
      this.stats,
      options.tracer,
    );
  }

  async start(): Promise<void> {
    if (this.#control !== undefined) return;
    this.#lock.acquire();
    try {
      this.#control = openControl(this.#options, this.stats.pending);
      recover(this.#control);
      this.stats.work.tasks.splice(0, Number.POSITIVE_INFINITY, ...openTasks(this.#control));
    } catch (error) {
      this.#control?.db.close();
      this.#control = undefined;
      this.#lock.release();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#commits.close();
    this.#control?.db.close();
    this.#control = undefined;
    this.#lock.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  on<Name extends keyof contract.StoreEvents>(name: Name, listener: contract.StoreEvents[Name]): () => void {
    const listeners: Set<contract.StoreEvents[Name]> = this.#listeners[name];
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  submitJobs(jobs: readonly contract.NewJob[]): Promise<readonly contract.SubmitOutcome[]> {
    return this.#write((control) => jobs.map((job) => submitJob(control, job)), "work");
  }

  exchange(request: contract.Exchange): Promise<contract.ExchangeOutcome> {
    return this.#write((control) => exchange(control, request), request.reports.length > 0 ? "results" : "nothing");
  }

  heartbeat(
    runnerId: string,
    running: readonly contract.RunningReport[],
    leaseMs: number,
  ): Promise<contract.HeartbeatOutcome> {
    return this.#write((control) => heartbeat(control, runnerId, running, leaseMs));
  }

  async cancelJob(jobId: string, reason: string): Promise<contract.JobRecord> {
    await this.#write((control) => cancelJob(control, jobId, reason));
    return this.#read((control) => getJobs(control, [jobId], { includeOutputs: false })[0]!);
  }

  async retryJob(...[jobId, taskIds, idempotencyKey]: Parameters<contract.Store["retryJob"]>) {
    const retried = await this.#write((control) => retryJob(control, jobId, { taskIds, idempotencyKey }));
    return { job: this.#read((control) => getJobs(control, [jobId], { includeOutputs: false })[0]!), retried };
  }

  async readSubmission(jobId: string) {
    return this.#read((control) => readSubmission(control, jobId));
  }

  maintain(limit: number): Promise<contract.MaintenanceOutcome> {
    return this.#write((control) => {
      const outcome = maintain(control, limit);
      // The caller now knows of everything up to here; what this transaction brings about later is announced anew.
      this.#announcedUs = outcome.nextDueUs ?? Number.POSITIVE_INFINITY;
      return outcome;
    });
  }

  registerRunner(runner: Parameters<contract.Store["registerRunner"]>[0]): Promise<void> {
    return this.#write((control) => registerRunner(control, runner));
  }

  unregisterRunner(runnerId: string): Promise<void> {
    return this.#write((control) => unregisterRunner(control, runnerId));
  }

  drainRunner(runnerId: string): Promise<void> {
    return this.#write((control) => drainRunner(control, runnerId));
  }

  markProjected(ends: ReadonlyMap<string, number>): Promise<void> {
    return this.#write((control) => markProjected(control, ends));
  }

  async listRunners(...args: Parameters<contract.Store["listRunners"]>) {
    return this.#read((control) => listRunners(control, ...args));
  }

  async jobStates(ids: readonly string[]) {
    return this.#read((control) => jobStates(control, ids));
  }

  async getJobs(...args: Parameters<contract.Store["getJobs"]>) {
    return this.#read((control) => getJobs(control, ...args));
  }

  async listJobs(query: contract.JobQuery, page: contract.Page) {
    return this.#read((control) => listJobs(control, query, page));
  }

  async countJobs(query: contract.JobQuery) {
    return this.#read((control) => countJobs(control, query));
  }

  async listTasks(query: contract.TaskQuery, page: contract.Page) {
    return this.#read((control) => listTasks(control, query, page));
  }

  async getTask(taskId: string) {
    return this.#read((control) => getTask(control, taskId));
  }

  async dependencyOutputs(...[lease, range]: Parameters<contract.Store["dependencyOutputs"]>) {
    return this.#read((control) => dependencyOutputs(control, { lease, range }));
  }

  async backlog() {
    return this.#read((control) => ({
      queues: queueDepths(control, this.stats.work.queues.keys()),
      ...openCounts(control, this.stats.work.tasks),
    }));
  }

  async queueStats(queues: readonly string[]) {
    return this.#read((control) => queueStats(control, queues));
  }

  async readLifecycle(jobIds: Iterable<string>, tasks: Iterable<string>) {
    return this.#read((control) => readLifecycle(control, jobIds, tasks));
  }

  async unprojectedJobs(limit: number, after?: string) {
    return this.#read((control) => unprojectedJobs(control, limit, after));
  }

  async taskIds(jobId: string, page: contract.Page) {
    return this.#read((control) => taskIds(control, jobId, page));
  }

  #write<T>(run: (control: Control) => T, brings?: Brings): Promise<T> {
    if (this.#control === undefined) return Promise.reject(notOpen());
    return this.#commits.enqueue(() => run(this.#control!), brings);
  }

  /** Reads run outside transactions, and those are never open between two turns of the event loop. */
  #read<T>(run: (control: Control) => T): T {
    if (this.#control === undefined) throw notOpen();
    return run(this.#control);
  }

  #begin(): void {
    const control = this.#control;
    if (control === undefined) throw notOpen();
    if (this.#stale) this.#reload(control);
    control.nowUs = control.options.nowUs();
    control.db.begin();
  }

  #announceReady(): void {
    const control = this.#control!;
    // The end of a job may let others in, and that must be known before the last of what is ready is announced.
    if (!control.jobAdmission.isEmpty) flushWork(control);
    const ready = control.changes.takeReady();
    if (ready.size > 0) for (const listener of this.#listeners.ready) listener(ready);
  }

  #commit(): void {
    const control = this.#control!;
    flushWork(control);
    control.db.commit();
    control.jobs.trim();
    control.groups.trim();
  }

  #announce(): void {
    const control = this.#control!;
    const { changes } = control;
    const { jobs, tasks, ended, cancelled, dueUs } = changes;
    control.changes = new Changes();
    this.triggers.announce(changes);
    if (jobs.size + tasks.size > 0) for (const listener of this.#listeners.changed) listener(jobs, tasks);
    if (ended.size > 0) for (const listener of this.#listeners.ended) listener(ended);
    if (cancelled.size > 0) for (const listener of this.#listeners.cancelled) listener(cancelled);
    if (dueUs >= this.#announcedUs) return;
    this.#announcedUs = dueUs;
    for (const listener of this.#listeners.due) listener(dueUs);
  }

  #rollback(): void {
    const control = this.#control;
    if (control === undefined) return;
    this.#stale = true;
    control.db.rollback();
    this.#reload(control);
  }

  #reload(control: Control): void {
    recover(control);
    this.#stale = false;
  }
}

function notOpen(): SpanloomError {
  return new SpanloomError("SHUTTING_DOWN", "cannot use the store: it is not open");
}

/** SQLite's default. */
const PAGE_BYTES = 4_096;

const DEFAULTS = {
  cancelGraceMs: 10_000,
  maxInlineDependencyBytes: 1024 * 1024,
  maxLeaseBytes: 16 * 1024 * 1024,
  runnerLostMs: 60_000,
};

function openControl(options: SqliteStoreOptions, counts: WorkCounts): Control {
  const path = join(options.dataDir, "control.db");
  const db = openDatabase(path);
  try {
    migrate(db, path);
    if (options.preallocateLog) preallocateLog(path);
    if (options.maxBytes !== undefined) db.exec(`PRAGMA max_page_count = ${Math.ceil(options.maxBytes / PAGE_BYTES)}`);
    const {
      dataDir,
      maxBytes,
      preallocateLog: _done,
      nowUs = () => Date.now() * 1000,
      random = Math.random,
      tracer: _traced,
      ...rest
    } = options;
    return newControl(db, { ...DEFAULTS, ...rest, nowUs, random }, counts);
  } catch (error) {
    db.close();
    throw toOpenError(error, path);
  }
}

function openDatabase(path: string): Database {
  let db: Database | undefined;
  try {
    refuseUnwritable(path);
    db = new Database(path);
    // Durable before acknowledged (I1): FULL syncs the log at every commit. The cache is 64 MiB. One process has the file
    // anyway, and with the lock for itself it keeps the log's index in memory: small commits took 144 us instead of 189.
    // A log of 16 MiB before it is written back takes their 99th percentile from 1.1 ms to 0.25 ms.
    db.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;" +
        `PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = ${LOG_PAGES}`,
    );
    // Ranges of rows are joined by their numbers; an index made up for one query turned a start with 100,000 open jobs
    // from 0.7 s into more than ten minutes.
    db.exec("PRAGMA automatic_index = OFF");
    return db;
  } catch (error) {
    db?.close();
    throw toOpenError(error, path);
  }
}

function toOpenError(error: unknown, path: string): SpanloomError {
  if (error instanceof SpanloomError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new SpanloomError("INVALID_STATE", `cannot open ${path}: ${why}`, {}, { cause: error });
}
