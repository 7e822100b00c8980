import { gateOf } from "../../engine/admission.ts";
import type { NewTaskSpec } from "../store.ts";
import { type Inherited, specBody, type TaskSpecRecord } from "../task-spec.ts";
import type { Database } from "./database.ts";

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
  intern(spec: NewTaskSpec, inherited: Inherited): TaskSpecRecord {
    const body = specBody(spec, inherited);
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
