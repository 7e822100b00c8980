import type { Clock } from "../clock.ts";
import type { SelfTracer } from "../self-tracing/self-tracer.ts";
import type { ClaimRequest, ExchangeOutcome, Store } from "../store/store.ts";
import { WakePass } from "./wake-pass.ts";

/**
 * Long polls of runners that found nothing to do.
 *
 * Waiters that offer the same code to the same queues form a group, in the order they came. When tasks of a queue become
 * ready, waiters of its groups are woken from the front, as many as could take them; each asks the store for a claim
 * from within the transaction that made the tasks ready, so that the claim joins that very commit (store I6).
 *
 * I1. No task and no cancellation is missed: `enter` notes the version of what concerns the caller before its first
 *     claim, and a waiter asks again whenever a claim found nothing but the version has changed since it was asked for.
 * I2. A waiter whose claim found nothing keeps its place.
 * I3. A waiter whose claim failed leaves its tasks to the next, which it wakes.
 * I4. A lease is never left with a client that has gone: it is given back at once.
 * I5. Every waiter is answered at the latest when its time is up, its client is gone or the server stops.
 */
export class LeaseWaiters {
  readonly #store: Pick<Store, "exchange" | "on">;
  readonly #clock: Clock;
  readonly #tracer: SelfTracer | undefined;
  readonly #groups = new Map<string, WaiterGroup>();
  readonly #byQueue = new Map<string, Set<WaiterGroup>>();
  readonly #runners = new Map<string, RunnerPolls>();
  /** Leases given back, as whoever asked for them was gone. */
  returnedLeases = 0;
  #subscriptions: (() => void)[] = [];
  #stopped = false;

  constructor(store: Pick<Store, "exchange" | "on">, clock: Clock, tracer?: SelfTracer) {
    this.#store = store;
    this.#clock = clock;
    this.#tracer = tracer;
  }

  /** Calls that wait for work. */
  get waiting(): number {
    let waiting = 0;
    for (const { waiters } of this.#groups.values()) waiting += waiters.size;
    return waiting;
  }

  /** Listens to the store. Safe to call twice. */
  start(): void {
    if (this.#subscriptions.length > 0) return;
    this.#subscriptions = [
      this.#store.on("ready", (queues) => this.#onReady(queues)),
      this.#store.on("cancelled", (runnerIds) => this.#onCancelled(runnerIds)),
      this.#store.on("missed", () => this.#onMissed()),
    ];
  }

  /** Answers every waiter. Safe to call twice. */
  stop(): void {
    this.#stopped = true;
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    for (const { waiters } of [...this.#runners.values()]) for (const waiter of [...waiters]) this.#giveUp(waiter);
  }

  /** Answers the polls of a runner that says goodbye: nobody would run what they lease. */
  dismiss(runnerId: string): void {
    for (const waiter of [...(this.#runners.get(runnerId)?.waiters ?? [])]) this.#giveUp(waiter);
  }

  /** How many polls wait now. */
  get size(): number {
    let size = 0;
    for (const { waiters } of this.#runners.values()) size += waiters.size;
    return size;
  }

  /** Takes hold of what concerns a claim; to be called before the first one, so that nothing is missed (I1). */
  enter(claim: ClaimRequest): WaiterEntry {
    const key = groupKey(claim);
    const group = this.#groups.get(key) ?? this.#createGroup(key, claim.queues);
    const runner = this.#runners.get(claim.runnerId) ?? { version: 0, waiters: new Set(), entered: 0 };
    this.#runners.set(claim.runnerId, runner);
    group.entered++;
    runner.entered++;
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      if (--group.entered === 0) this.#removeGroup(group);
      if (--runner.entered === 0) this.#runners.delete(claim.runnerId);
    };
    return { group, runner, version: group.version + runner.version, leave };
  }

  /** Waits until a claim brings something; undefined when time, client or server ended before. */
  wait(entry: WaiterEntry, claim: ClaimRequest, options: WaitOptions): Promise<ExchangeOutcome | undefined> {
    const { signal, waitMs, isWorthAnswering } = options;
    if (this.#stopped || signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => this.#giveUp(waiter);
      const cancelTimer = this.#clock.schedule(giveUp, waitMs);
      signal.addEventListener("abort", giveUp);
      const end = (): void => {
        cancelTimer();
        signal.removeEventListener("abort", giveUp);
        waiter.group.waiters.delete(waiter);
        waiter.runner.waiters.delete(waiter);
      };
      const waiter: Waiter = {
        claim,
        group: entry.group,
        runner: entry.runner,
        version: entry.version,
        claiming: false,
        over: false,
        signal,
        isWorthAnswering,
        resolve: (outcome) => {
          end();
          resolve(outcome);
        },
        reject: (error) => {
          end();
          reject(error);
        },
      };
      waiter.group.waiters.add(waiter);
      waiter.runner.waiters.add(waiter);
      if (versionOf(waiter) !== entry.version) void this.#claim(waiter);
    });
  }

  #onReady(queues: ReadonlyMap<string, number>): void {
    const pass = this.#tracer && new WakePass(this.#tracer, queues);
    for (const [queue, tasks] of queues) {
      for (const group of this.#byQueue.get(queue) ?? []) {
        group.version++;
        this.#wake(group, tasks, pass);
      }
    }
    pass?.end();
  }

  #onCancelled(runnerIds: ReadonlySet<string>): void {
    for (const runnerId of runnerIds) {
      const runner = this.#runners.get(runnerId);
      if (!runner) continue;
      runner.version++;
      for (const waiter of runner.waiters) if (!waiter.claiming) void this.#claim(waiter);
    }
  }

  /** Every waiter asks again. */
  #onMissed(): void {
    this.#onCancelled(new Set(this.#runners.keys()));
  }

  #wake(group: WaiterGroup, tasks: number, pass?: WakePass): void {
    let left = tasks;
    for (const waiter of group.waiters) {
      if (left <= 0) return;
      if (waiter.claiming) continue;
      const claimed = this.#claim(waiter);
      pass?.add(claimed);
      left -= waiter.claim.limit;
    }
  }

  /** Answers how many tasks the claim brought, and never rejects: the waiter is told. */
  #claim(waiter: Waiter): Promise<number> {
    waiter.claiming = true;
    waiter.version = versionOf(waiter);
    const { claim } = waiter;
    return this.#store.exchange({ runnerId: claim.runnerId, reports: [], claim }).then(
      (outcome) => {
        this.#onClaimed(waiter, outcome);
        return outcome.leases.length;
      },
      (error: unknown) => {
        waiter.reject(error);
        this.#wake(waiter.group, 1);
        return 0;
      },
    );
  }

  #onClaimed(waiter: Waiter, outcome: ExchangeOutcome): void {
    waiter.claiming = false;
    const { leases } = outcome;
    if (leases.length > 0 && waiter.signal.aborted) {
      waiter.resolve(undefined);
      this.returnedLeases += leases.length;
      releaseLeases(this.#store, waiter.claim.runnerId, leases).catch(() => {
        // Nobody is left to be told; the leases expire.
      });
    } else if (leases.length > 0) {
      waiter.resolve(outcome);
    } else if (waiter.over || waiter.isWorthAnswering(outcome)) {
      waiter.resolve(outcome);
    } else if (waiter.version !== versionOf(waiter)) {
      void this.#claim(waiter);
    }
  }

  /** A claim under way is waited for, as what it brings must be answered or given back. */
  #giveUp(waiter: Waiter): void {
    waiter.over = true;
    if (!waiter.claiming) waiter.resolve(undefined);
  }

  #createGroup(key: string, queues: readonly string[]): WaiterGroup {
    const group: WaiterGroup = { key, queues, version: 0, waiters: new Set(), entered: 0 };
    this.#groups.set(key, group);
    for (const queue of queues) this.#byQueue.set(queue, (this.#byQueue.get(queue) ?? new Set()).add(group));
    return group;
  }

  #removeGroup(group: WaiterGroup): void {
    this.#groups.delete(group.key);
    for (const queue of group.queues) {
      const groups = this.#byQueue.get(queue);
      groups?.delete(group);
      if (groups?.size === 0) this.#byQueue.delete(queue);
    }
  }
}

/** How long, for whom and for what to wait. */
export interface WaitOptions {
  waitMs: number;
  /** Aborts when the client is gone. */
  signal: AbortSignal;
  /** Whether an outcome without leases is to be answered at once, e.g. for a cancellation the runner has not heard of. */
  isWorthAnswering(outcome: ExchangeOutcome): boolean;
}

/** A caller's hold on what concerns it, from before its first claim. */
export interface WaiterEntry {
  readonly group: WaiterGroup;
  readonly runner: RunnerPolls;
  /** Versions of both when they were entered. */
  readonly version: number;
  /** To be called when the call is over; safe to call twice. */
  leave(): void;
}

/** Waiters with the same queues and code. */
interface WaiterGroup {
  readonly key: string;
  readonly queues: readonly string[];
  /** Grows whenever tasks of its queues become ready. */
  version: number;
  /** In the order they came. */
  readonly waiters: Set<Waiter>;
  /** Entries that have not left. The group lives while there are any. */
  entered: number;
}

/** Polls of one runner. */
interface RunnerPolls {
  /** Grows whenever the runner has another attempt to stop. */
  version: number;
  readonly waiters: Set<Waiter>;
  /** Entries that have not left. */
  entered: number;
}

interface Waiter {
  readonly claim: ClaimRequest;
  readonly group: WaiterGroup;
  readonly runner: RunnerPolls;
  readonly signal: AbortSignal;
  /** Versions of group and runner, added up, when the latest claim was asked for. */
  version: number;
  claiming: boolean;
  /** Its time is up, its client is gone or the server stops. */
  over: boolean;
  isWorthAnswering(outcome: ExchangeOutcome): boolean;
  resolve(outcome: ExchangeOutcome | undefined): void;
  reject(error: unknown): void;
}

/** Gives leases back unrun, e.g. because their client has gone; costs the tasks no retry. */
export async function releaseLeases(
  store: Pick<Store, "exchange">,
  runnerId: string,
  leases: ExchangeOutcome["leases"],
): Promise<void> {
  const reports = leases.map(({ taskId, attempt, token }) => ({
    taskId,
    attempt,
    token,
    result: { kind: "released" as const, unknownIdentifier: false },
    progress: [],
    spanExtras: new Uint8Array(0),
    droppedTelemetry: 0,
  }));
  await store.exchange({ runnerId, reports, claim: undefined });
}

/** Changes whenever either part does, as both only grow. */
function versionOf({ group, runner }: Waiter): number {
  return group.version + runner.version;
}

function groupKey({ queues, identifiers }: ClaimRequest): string {
  const code = identifiers.map(({ name, major, minor }) => `${name}@${major}.${minor}`).sort();
  return JSON.stringify([[...queues].sort(), code]);
}
