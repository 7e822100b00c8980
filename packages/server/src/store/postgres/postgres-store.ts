import { randomUUID } from "node:crypto";
import { SpanloomError } from "@spanloom/protocol";
import { Changes } from "../changes.ts";
import { commitFacts } from "../commit-trace.ts";
import type { ControlOptions } from "../control-options.ts";
import type * as contract from "../store.ts";
import { StoreStats } from "../store-stats.ts";
import { cancelJob } from "./cancel.ts";
import { type DatabaseTarget, DEFAULT_SCHEMA } from "./connection.ts";
import { beginTransaction, type Control, flushAll, forget, newControl } from "./control.ts";
import { dependencyOutputs } from "./dependency-outputs.ts";
import { toStoreError } from "./errors.ts";
import { exchange, heartbeat } from "./exchange.ts";
import { PostgresExportCursors } from "./export-cursors.ts";
import { followUp } from "./follow-up.ts";
import { GroupCommit, type Operation } from "./group-commit.ts";
import { ImmutableRows } from "./immutable-rows.ts";
import { readLifecycle, unprojectedJobs } from "./lifecycle.ts";
import { Listener } from "./listener.ts";
import { maintain } from "./maintain.ts";
import { migrate } from "./migrate.ts";
import { channelOf, encodePayload, isNews, newsPayloads, readNews } from "./notify.ts";
import { EXPORTER_GIVEN_BACK, PostgresPeers } from "./postgres-peers.ts";
import type { PostgresStoreOptions } from "./postgres-store-options.ts";
import { type Needs, noNeeds, prefetch, prefetchEarlier } from "./prefetch.ts";
import { markProjected } from "./projected.ts";
import { backlog, queueStats } from "./queue-stats.ts";
import type { ReadContext } from "./read-context.ts";
import { countJobs, getJobs, jobStates, listJobs } from "./read-jobs.ts";
import { ReadPool } from "./read-pool.ts";
import { listRunners } from "./read-runners.ts";
import { readSubmission } from "./read-submission.ts";
import { getTask, listTasks, taskIds } from "./read-tasks.ts";
import { retryJob } from "./retry.ts";
import { drainRunner, registerRunner, unregisterRunner } from "./runners.ts";
import { statement } from "./statement.ts";
import { type Submitted, submitJobs } from "./submit.ts";
import { PostgresTriggers } from "./triggers/postgres-triggers.ts";
import { Writer } from "./writer.ts";

const DEFAULTS = {
  cancelGraceMs: 10_000,
  maxInlineDependencyBytes: 1024 * 1024,
  maxLeaseBytes: 16 * 1024 * 1024,
  runnerLostMs: 60_000,
};

type Listeners = { [Name in keyof contract.StoreEvents]: Set<contract.StoreEvents[Name]> };
type WriteOperation = Operation<Needs, Control>;

/** Another server's own timer goes first; this one looks after what is due only when that server is gone. */
const OTHERS_DUE_US = 1_000_000;

const notify = statement("notify", "SELECT pg_notify($1::text, $2::text)");

/**
 * The shared control-plane store: one PostgreSQL schema, any number of servers.
 *
 * Servers take turns under one lock, each with everything it was asked for meanwhile; see control.ts and
 * docs/adr/012-postgresql-store.md. Reads go beside the writer and take no lock.
 */
export class PostgresStore implements contract.Store {
  readonly peers: PostgresPeers;
  readonly stats = new StoreStats();
  readonly exportCursors: PostgresExportCursors;
  readonly triggers: PostgresTriggers;
  readonly #options: PostgresStoreOptions;
  readonly #target: DatabaseTarget;
  readonly #serverId: string;
  readonly #channel: string;
  readonly #listeners: Listeners = {
    ready: new Set(),
    changed: new Set(),
    ended: new Set(),
    cancelled: new Set(),
    due: new Set(),
    elsewhere: new Set(),
    missed: new Set(),
  };
  #commits: GroupCommit<Needs, Control> | undefined;
  #control: Control | undefined;
  #writer: Writer | undefined;
  #listener: Listener | undefined;
  #reads: ReadContext | undefined;
  /** Next due time announced. */
  #announcedUs = Number.POSITIVE_INFINITY;

  constructor(options: PostgresStoreOptions) {
    this.#options = options;
    this.#target = { url: options.url, schema: options.schema };
    this.#serverId = options.serverId ?? randomUUID();
    this.#channel = channelOf(options.schema ?? DEFAULT_SCHEMA);
    this.peers = this.#newPeers();
    this.exportCursors = new PostgresExportCursors({
      reader: () => this.#reading().pool,
      tell: () => this.peers.tellExporterGivenBack(),
    });
    this.triggers = new PostgresTriggers({
      write: (operation) => this.#write(operation),
      pool: () => this.#reading().pool,
    });
  }

  async start(): Promise<void> {
    if (this.#control !== undefined) return;
    await migrate(this.#target);
    const { nowUs = () => Date.now() * 1000, runnerLostMs = 60_000, onNotice } = this.#options;
    const writer = new Writer(this.#target, this.#options.times);
    const listener = this.#newListener();
    try {
      await listener.start();
    } catch (error) {
      throw toStoreError(error);
    }
    this.#writer = writer;
    this.#listener = listener;
    this.#control = newControl(writer, this.#controlOptions(), this.stats.pending);
    this.#commits = this.#newCommits(this.#control);
    const pool = new ReadPool({ target: this.#target, toError: toStoreError, onNotice });
    this.#reads = { pool, known: new ImmutableRows(), nowUs, runnerLostMs };
    this.peers.start();
  }

  async stop(): Promise<void> {
    await this.#commits?.close();
    await this.peers.stop();
    const handsOver = this.#reads !== undefined && (await this.peers.leave());
    const reads = this.#reads;
    const [listener, writer] = [this.#listener, this.#writer];
    this.#control = undefined;
    this.#reads = undefined;
    this.#listener = undefined;
    this.#writer = undefined;
    await Promise.all([listener?.stop({ goodbye: !handsOver }), writer?.close(), reads?.pool.stop()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  on<Name extends keyof contract.StoreEvents>(name: Name, listener: contract.StoreEvents[Name]): () => void {
    const listeners: Set<contract.StoreEvents[Name]> = this.#listeners[name];
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  async submitJobs(jobs: readonly contract.NewJob[]): Promise<readonly contract.SubmitOutcome[]> {
    const submitted = await this.#write<Submitted[]>({
      needs: (needs) => void needs.submissions.push(...jobs),
      run: async (control) => {
        const outcomes = await submitJobs(control, jobs);
        return () => outcomes;
      },
    });
    const existing = submitted.flatMap((outcome) => (outcome.kind === "existed" ? [outcome.jobId] : []));
    const records = existing.length === 0 ? [] : await this.getJobs(existing, { includeOutputs: false });
    const byId = new Map(records.map((job) => [job.id, job]));
    return submitted.map((outcome) =>
      outcome.kind === "existed" ? { kind: "existed", job: byId.get(outcome.jobId)! } : outcome,
    );
  }

  exchange(request: contract.Exchange): Promise<contract.ExchangeOutcome> {
    return this.#write({
      needs: ({ runnerIds, taskIds }) => {
        runnerIds.add(request.runnerId);
        for (const { taskId } of request.reports) taskIds.add(taskId);
      },
      run: (control) => exchange(control, request),
    });
  }

  heartbeat(
    runnerId: string,
    running: readonly contract.RunningReport[],
    leaseMs: number,
  ): Promise<contract.HeartbeatOutcome> {
    return this.#write({
      needs: (needs) => {
        needs.runnerIds.add(runnerId);
        for (const { taskId } of running) needs.taskIds.add(taskId);
      },
      run: (control) => heartbeat(control, { runnerId, running, leaseMs }),
    });
  }

  async cancelJob(jobId: string, reason: string): Promise<contract.JobRecord> {
    await this.#write({
      needs: ({ jobIds }) => void jobIds.add(jobId),
      run: async (control) => {
        // What was asked for before happens before.
        await followUp(control);
        cancelJob(control, jobId, reason);
        return nothing;
      },
    });
    return (await this.getJobs([jobId], { includeOutputs: false }))[0]!;
  }

  async retryJob(...[jobId, taskIds, idempotencyKey]: Parameters<contract.Store["retryJob"]>) {
    const retried = await this.#write<number>({
      needs: ({ jobIds }) => void jobIds.add(jobId),
      run: async (control) => {
        const count = await retryJob(control, jobId, { taskIds, idempotencyKey });
        return () => count;
      },
    });
    return { job: (await this.getJobs([jobId], { includeOutputs: false }))[0]!, retried };
  }

  async maintain(limit: number): Promise<contract.MaintenanceOutcome> {
    return this.#write({
      needs: nothing,
      run: async (control) => {
        const outcome = await maintain(control, limit);
        // The caller now knows of everything up to here; what this transaction brings about later is announced anew.
        this.#announcedUs = outcome.nextDueUs ?? Number.POSITIVE_INFINITY;
        return () => outcome;
      },
    });
  }

  registerRunner(runner: Parameters<contract.Store["registerRunner"]>[0]): Promise<void> {
    return this.#write({
      needs: ({ runnerIds }) => void runnerIds.add(runner.id),
      run: (control) => {
        registerRunner(control, runner);
        return nothing;
      },
    });
  }

  unregisterRunner(runnerId: string): Promise<void> {
    return this.#write({
      needs: ({ runnerIds }) => void runnerIds.add(runnerId),
      run: async (control) => {
        await unregisterRunner(control, runnerId);
        return nothing;
      },
    });
  }

  drainRunner(runnerId: string): Promise<void> {
    return this.#write({
      needs: ({ runnerIds }) => void runnerIds.add(runnerId),
      run: (control) => {
        drainRunner(control, runnerId);
        return nothing;
      },
    });
  }

  markProjected(ends: ReadonlyMap<string, number>): Promise<void> {
    return this.#write({
      needs: nothing,
      run: (control) => {
        markProjected(control, ends);
        return nothing;
      },
    });
  }

  async listRunners(...args: Parameters<contract.Store["listRunners"]>) {
    return listRunners(this.#reading(), ...args);
  }

  async readSubmission(jobId: string) {
    return readSubmission(this.#reading(), jobId);
  }

  async jobStates(ids: readonly string[]) {
    return jobStates(this.#reading().pool, ids);
  }

  async getJobs(...args: Parameters<contract.Store["getJobs"]>) {
    return getJobs(this.#reading().pool, ...args);
  }

  async listJobs(query: contract.JobQuery, page: contract.Page) {
    return listJobs(this.#reading().pool, query, page);
  }

  async countJobs(query: contract.JobQuery) {
    return countJobs(this.#reading().pool, query);
  }

  async listTasks(query: contract.TaskQuery, page: contract.Page) {
    return listTasks(this.#reading(), query, page);
  }

  async getTask(taskId: string) {
    return getTask(this.#reading(), taskId);
  }

  async dependencyOutputs(...[lease, range]: Parameters<contract.Store["dependencyOutputs"]>) {
    return dependencyOutputs(this.#reading(), lease, range);
  }

  async backlog() {
    return backlog(this.#reading());
  }

  async queueStats(queues: readonly string[]) {
    return queueStats(this.#reading(), queues);
  }

  async readLifecycle(jobIds: Iterable<string>, tasks: Iterable<string>) {
    return readLifecycle(this.#reading(), jobIds, tasks);
  }

  async unprojectedJobs(limit: number, after?: string) {
    return unprojectedJobs(this.#reading(), limit, after);
  }

  async taskIds(jobId: string, page: contract.Page) {
    return taskIds(this.#reading(), jobId, page);
  }

  #reading(): ReadContext {
    if (this.#reads === undefined) throw notOpen();
    return this.#reads;
  }

  #write<T>(operation: WriteOperation): Promise<T> {
    if (this.#control === undefined) return Promise.reject(notOpen());
    return this.#commits!.enqueue(operation);
  }

  #controlOptions(): ControlOptions {
    const { url, schema, serverId, onNotice, times, schedule, tracer, ...rest } = this.#options;
    return { ...DEFAULTS, ...rest, nowUs: rest.nowUs ?? (() => Date.now() * 1000), random: rest.random ?? Math.random };
  }

  #newCommits(control: Control): GroupCommit<Needs, Control> {
    return new GroupCommit(
      {
        begin: async (waiting) => {
          await beginTransaction(control, waiting);
          return control;
        },
        prefetch: (operations) => this.#prefetch(control, operations),
        betweenRounds: () => this.#followUp(control),
        commit: () => this.#commit(control),
        changed: () => commitFacts("postgresql", control.changes),
        announce: () => this.#announce(control),
        rollback: () => {
          forget(control);
          return control.sql.rollback();
        },
        mayRunAgain: (error) => control.sql.mayRunAgain(error),
      },
      this.stats,
      this.#options.tracer,
    );
  }

  async #prefetch(control: Control, operations: readonly WriteOperation[]): Promise<void> {
    const needs = noNeeds();
    for (const operation of operations) operation.needs(needs);
    await Promise.all([prefetchEarlier(control, needs.submissions), prefetch(control, needs)]);
  }

  async #followUp(control: Control): Promise<void> {
    await followUp(control);
    const ready = control.changes.takeReady();
    if (ready.size > 0) for (const listener of this.#listeners.ready) listener(ready);
  }

  async #commit(control: Control): Promise<void> {
    const ready = control.ready.countPending();
    if (flushAll(control)) {
      if (control.sql.servers > 1) this.#notify(control, ready);
      await control.sql.commit();
      control.epoch = control.epoch! + 1;
      trim(control);
    } else await control.sql.end();
    control.wentBack = false;
  }

  #notify(control: Control, ready: ReadonlyMap<string, number>): void {
    const { jobs, ended, cancelled, dueUs } = control.changes;
    const { news: triggers } = control.triggers;
    const payloads = newsPayloads(this.#serverId, { ready, jobs, ended, cancelled, dueUs, triggers });
    for (const payload of payloads) control.sql.send(notify, [this.#channel, payload]);
    if (payloads.length > 0) this.peers.lookSoon();
  }

  #announce(control: Control): void {
    const { jobs, tasks, ended, cancelled, dueUs } = control.changes;
    control.changes = new Changes();
    if (jobs.size + tasks.size > 0) for (const listener of this.#listeners.changed) listener(jobs, tasks);
    if (ended.size > 0) for (const listener of this.#listeners.ended) listener(ended);
    if (cancelled.size > 0) for (const listener of this.#listeners.cancelled) listener(cancelled);
    this.#announceDue(dueUs);
    this.triggers.announce(control.triggers.takeNews());
  }

  #announceDue(dueUs: number): void {
    if (dueUs >= this.#announcedUs) return;
    this.#announcedUs = dueUs;
    for (const listener of this.#listeners.due) listener(dueUs);
  }

  #newPeers(): PostgresPeers {
    return new PostgresPeers({
      serverId: this.#serverId,
      reader: () => this.#reading().pool,
      channel: this.#channel,
      payload: (topic, body) => encodePayload(this.#serverId, topic, body),
      settled: async () => this.#commits?.settled(),
      isListening: () => this.#listener?.isListening ?? false,
      schedule: this.#options.schedule ?? later,
    });
  }

  #newListener(): Listener {
    return new Listener({
      target: this.#target,
      serverId: this.#serverId,
      onMessage: (topic, body, from) => {
        if (isNews(topic)) this.#hear(body);
        else if (topic === EXPORTER_GIVEN_BACK) this.exportCursors.givenBack();
        else this.peers.hear(from, topic, body);
      },
      onRemoved: () => void this.peers.takeOver(async () => true).catch(() => undefined), // it is tried again
      onGap: () => {
        for (const listener of this.#listeners.missed) listener();
      },
      schedule: this.#options.schedule ?? later,
      random: this.#options.random ?? Math.random,
    });
  }

  /** Raises what another server brought about. */
  #hear(body: string): void {
    this.peers.lookSoon();
    const { ready, jobs, ended, cancelled, dueUs, triggers } = readNews(body);
    if (ready.size > 0) for (const listener of this.#listeners.ready) listener(ready);
    if (jobs.size > 0) for (const listener of this.#listeners.elsewhere) listener(jobs);
    if (ended.size > 0) for (const listener of this.#listeners.ended) listener(ended);
    if (cancelled.size > 0) for (const listener of this.#listeners.cancelled) listener(cancelled);
    if (dueUs !== undefined) this.#announceDue(dueUs + OTHERS_DUE_US);
    this.triggers.announce(triggers);
  }
}

const nothing = (): undefined => undefined;

function later(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs).unref();
  return () => clearTimeout(timer);
}

/** Rows held between transactions; beyond it all are read anew. */
const MAX_HELD = 100_000;

function trim(control: Control): void {
  control.specs.trim();
  control.jobs.trim();
  control.groups.trim();
  control.runners.trim();
  control.places.trim();
  if (control.jobs.size + control.groups.size + control.tasks.size > MAX_HELD) forget(control);
}

function notOpen(): SpanloomError {
  return new SpanloomError("SHUTTING_DOWN", "cannot use the store: it is not open");
}
