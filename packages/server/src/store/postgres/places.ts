import { type Admission, type Gate, type WindowRecord, windowStartUs } from "../../engine/admission.ts";
import type { ConcurrencyRule, RateRule } from "../store.ts";
import { bulk, bulkInsert, Rows, texts } from "./bulk.ts";
import { statement } from "./statement.ts";
import type { Writer } from "./writer.ts";

/** What stands under a concurrency key. */
export interface KeyState {
  running: number;
  /** When the last one of those began, which is never as early as that of one before. */
  lastHeldUs: number;
  /** Tasks on offer; undefined until they are counted. */
  queued: number | undefined;
  /** Those of them that take the place of running ones. */
  displacing: number | undefined;
}

const runningUnder = statement(
  "running_under_keys",
  `SELECT u.key, h.running, h.last FROM unnest($1::text[]) AS u (key)
   CROSS JOIN LATERAL (SELECT count(*) AS running, coalesce(max(leased_at), 0) AS last FROM holder WHERE key = u.key) h`,
);
const queuedUnder = statement(
  "queued_under_keys",
  `SELECT u.key, q.queued, q.displacing FROM unnest($1::text[]) AS u (key) CROSS JOIN LATERAL (
     SELECT coalesce(sum(r.last - r.first + 1), 0)::bigint AS queued,
       coalesce(sum(r.last - r.first + 1) FILTER (WHERE g.policy = 'cancelRunning'), 0)::bigint AS displacing
     FROM gate g JOIN ready r ON r.gate = g.seq AND r.gate <> 0 WHERE g.key = u.key) q`,
);
const windowsOf = statement(
  "rate_windows",
  `SELECT w.key, w.window_ms, w.start_at, w.used FROM unnest($1::text[], $2::double precision[]) AS u (key, window_ms)
   JOIN rate_window w ON w.key = u.key AND w.window_ms = u.window_ms`,
);
const insertHolders = bulkInsert("holder", { task: "bigint", key: "text", leased_at: "bigint" });
const deleteHolders = bulk(
  "delete_holder",
  { task: "bigint" },
  (rows) => `DELETE FROM holder USING ${rows}
  WHERE holder.task = u.task`,
);
const writeWindows = bulkInsert(
  "rate_window",
  { key: "text", window_ms: "double precision", start_at: "bigint", used: "integer" },
  { onConflict: "(key, window_ms) DO UPDATE SET start_at = excluded.start_at, used = excluded.used" },
);

/**
 * Concurrency keys and rate windows in use: read once, changed in memory, written with the transaction.
 *
 * I1. `running` of a key is the number of rows of `holder` under it once everything was sent.
 */
export class PlaceTable {
  readonly #sql: Writer;
  readonly #keys = new Map<string, KeyState>();
  readonly #windows = new Map<string, WindowRecord>();
  readonly #held = new Rows(insertHolders);
  readonly #released = new Rows(deleteHolders);
  readonly #windowRows = new Rows(writeWindows);
  /** Windows that starts were counted in; claims may be served more than once in a transaction. */
  readonly #counted = new Map<string, WindowRecord>();
  /** Keys under which places became free in the open transaction. */
  readonly freed = new Set<string>();
  /** Gates of which tasks on offer were withdrawn in the open transaction. */
  readonly withdrawn = new Set<number>();
  /** Rules under which tasks that displace others may wait. */
  readonly displacing = new Map<string, ConcurrencyRule>();

  constructor(sql: Writer) {
    this.#sql = sql;
  }

  /** What stands under a key, if memory holds it. */
  find(key: string): KeyState | undefined {
    return this.#keys.get(key);
  }

  /** Reads what memory does not hold of these gates. */
  async load(gates: Iterable<Gate>): Promise<void> {
    const keys = new Set<string>();
    const windows = new Map<string, RateRule>();
    for (const { concurrency, rateLimit } of gates) {
      if (concurrency !== undefined && !this.#keys.has(concurrency.key)) keys.add(concurrency.key);
      if (rateLimit !== undefined && !this.#windows.has(idOf(rateLimit))) windows.set(idOf(rateLimit), rateLimit);
    }
    if (keys.size + windows.size === 0) return;
    this.flush();
    const rules = [...windows.values()];
    const [running, known] = await Promise.all([
      keys.size === 0 ? [] : this.#sql.ask(runningUnder, [texts(keys)]),
      rules.length === 0
        ? []
        : this.#sql.ask(windowsOf, [texts(rules.map(({ key }) => key)), `{${rules.map(({ windowMs }) => windowMs)}}`]),
    ]);
    for (const [key, count, last] of running) {
      const held = { running: count as number, lastHeldUs: last as number };
      this.#keys.set(key as string, { ...held, queued: undefined, displacing: undefined });
    }
    for (const { key, windowMs } of rules) {
      this.#windows.set(idOf({ key, windowMs }), { key, windowMs, startUs: 0, used: 0 });
    }
    for (const [key, windowMs, startUs, used] of known) {
      const window = { key, windowMs, startUs, used } as WindowRecord;
      this.#windows.set(idOf(window), window);
    }
  }

  /** Counts what is on offer under keys, which were loaded. What is on offer must have been sent. */
  async loadQueued(keys: Iterable<string>): Promise<void> {
    const missing = [...new Set(keys)].filter((key) => this.#keys.get(key)?.queued === undefined);
    if (missing.length === 0) return;
    for (const [key, queued, displacing] of await this.#sql.ask(queuedUnder, [texts(missing)])) {
      Object.assign(this.#keys.get(key as string)!, { queued, displacing });
    }
  }

  /** Whether what is on offer under keys has to be counted. */
  needsQueued(keys: Iterable<string>): boolean {
    for (const key of keys) if (this.#keys.get(key)?.queued === undefined) return true;
    return false;
  }

  /** Forgets how many tasks are on offer: a statement took some away. */
  forgetQueued(): void {
    for (const state of this.#keys.values()) {
      state.queued = undefined;
      state.displacing = undefined;
    }
  }

  /** Notes tasks on offer, or with a negative number ones that no longer are. */
  queue({ concurrency }: Gate, tasks: number): void {
    const state = concurrency && this.#keys.get(concurrency.key);
    if (state?.queued === undefined) return;
    state.queued += tasks;
    if (concurrency?.policy === "cancelRunning") state.displacing! += tasks;
  }

  /** Hands what is known to the rules that lease. */
  restore(admission: Admission, gates: Iterable<Gate>): void {
    for (const { concurrency, rateLimit } of gates) {
      if (concurrency !== undefined)
        admission.places(concurrency.key).running = this.#keys.get(concurrency.key)!.running;
      if (rateLimit !== undefined) admission.restore(this.#windows.get(idOf(rateLimit))!);
    }
  }

  /** Those windows of gates, which were loaded, that began at another time than the present one. */
  over(gates: Iterable<Gate>, nowUs: number): WindowRecord[] {
    const over = new Set<WindowRecord>();
    for (const { rateLimit } of gates) {
      const window = rateLimit && this.#windows.get(idOf(rateLimit));
      if (window?.startUs && window.startUs !== windowStartUs(window, nowUs)) over.add(window);
    }
    return [...over];
  }

  /** Takes over what was counted while leasing; answers when the windows it was counted in end. */
  takeWindows(admission: Admission): number[] {
    const changed = [...admission.takeChanged()];
    for (const window of changed) {
      this.#windows.set(idOf(window), window);
      this.#counted.set(idOf(window), window);
    }
    return changed.map(({ startUs, windowMs }) => startUs + windowMs * 1000);
  }

  /** Notes that a task under a key starts. */
  hold({ concurrency }: Gate, task: number, nowUs: number): void {
    if (concurrency === undefined) return;
    const state = this.#keys.get(concurrency.key);
    let heldUs = nowUs;
    if (state !== undefined) {
      // Who holds the longest is told by it, also of those that were leased at once or before the clock was set back.
      heldUs = Math.max(nowUs, state.lastHeldUs + 1);
      state.lastHeldUs = heldUs;
      state.running++;
    }
    this.#held.add(task, concurrency.key, heldUs);
  }

  /** Notes that a task under a key no longer runs. */
  release({ concurrency }: Gate, task: number): void {
    if (concurrency === undefined) return;
    const state = this.#keys.get(concurrency.key);
    if (state !== undefined) state.running--;
    this.#released.add(task);
    this.freed.add(concurrency.key);
  }

  /** Sends what changed. */
  flush(): void {
    for (const { key, windowMs, startUs, used } of this.#counted.values()) {
      this.#windowRows.add(key, windowMs, startUs, used);
    }
    this.#counted.clear();
    for (const rows of [this.#released, this.#held, this.#windowRows]) {
      rows.sendTo(this.#sql);
    }
  }

  /** Bounds the memory held. Only between transactions. */
  trim(): void {
    if (this.#keys.size + this.#windows.size > MAX_HELD) this.clear();
  }

  /** Drops everything. */
  clear(): void {
    this.#keys.clear();
    this.#windows.clear();
    this.#counted.clear();
    this.freed.clear();
    this.withdrawn.clear();
    this.displacing.clear();
    for (const rows of [this.#held, this.#released, this.#windowRows]) rows.clear();
  }
}

const MAX_HELD = 20_000;

function idOf({ key, windowMs }: Pick<RateRule, "key" | "windowMs">): string {
  return `${windowMs} ${key}`;
}
