import { type Gate, gateOf } from "../../engine/admission.ts";
import type { ConcurrencyRule, NewTaskSpec, RateRule, RetryRule } from "../store.ts";
import type { Database } from "./database.ts";

/** A spec with nothing left to inherit. */
export interface TaskSpecRecord {
  seq: number;
  name: string;
  major: number;
  minor: number;
  queue: string;
  priority: number;
  retry: RetryRule;
  attemptTimeoutMs?: number;
  queueTimeoutMs?: number;
  startDelayMs?: number;
  optional: boolean;
  concurrency?: ConcurrencyRule;
  rateLimit?: RateRule;
  /** Of the two rules above. */
  gate: Gate | undefined;
}

const MAX_CACHED = 10_000;

/** What tasks have in common, each distinct one stored once. */
export class SpecTable {
  readonly #db: Database;
  readonly #byBody = new Map<string, TaskSpecRecord>();
  readonly #bySeq = new Map<number, TaskSpecRecord>();
  #nextSeq = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The record of a spec; stored now when it is new. */
  intern(spec: NewTaskSpec, inherited: { queue: string; priority: number }): TaskSpecRecord {
    const body = JSON.stringify({
      name: spec.name,
      major: spec.major,
      minor: spec.minor,
      queue: spec.queue ?? inherited.queue,
      priority: spec.priority ?? inherited.priority,
      retry: spec.retry,
      attemptTimeoutMs: spec.attemptTimeoutMs,
      startDelayMs: spec.startDelayMs,
      optional: spec.optional,
      queueTimeoutMs: spec.queueTimeoutMs,
      concurrency: spec.concurrency,
      rateLimit: spec.rateLimit,
    });
    return this.#byBody.get(body) ?? this.#load(body) ?? this.#insert(body);
  }

  /** The record of a stored spec. */
  get(seq: number): TaskSpecRecord {
    const cached = this.#bySeq.get(seq);
    if (cached !== undefined) return cached;
    const body = this.#db.row("SELECT body FROM spec WHERE seq = ?", seq)![0] as string;
    return this.#remember(seq, body);
  }

  /** Forgets what a rolled-back transaction may have made up. */
  reload(): void {
    this.#byBody.clear();
    this.#bySeq.clear();
    this.#nextSeq = (this.#db.row("SELECT coalesce(max(seq), 0) + 1 FROM spec")![0] as number) ?? 1;
  }

  #load(body: string): TaskSpecRecord | undefined {
    const row = this.#db.row("SELECT seq FROM spec WHERE body = ?", body);
    return row && this.#remember(row[0] as number, body);
  }

  #insert(body: string): TaskSpecRecord {
    const seq = this.#nextSeq++;
    this.#db.run("INSERT INTO spec (seq, body) VALUES (?, ?)", seq, body);
    return this.#remember(seq, body);
  }

  #remember(seq: number, body: string): TaskSpecRecord {
    if (this.#bySeq.size >= MAX_CACHED) {
      this.#byBody.clear();
      this.#bySeq.clear();
    }
    const stored = JSON.parse(body) as Omit<TaskSpecRecord, "seq" | "gate">;
    const record = { seq, ...stored, gate: gateOf(stored) };
    this.#byBody.set(body, record);
    this.#bySeq.set(seq, record);
    return record;
  }
}
