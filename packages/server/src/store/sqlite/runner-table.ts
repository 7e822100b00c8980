import { RunnerState } from "@spanloom/protocol";
import { type RunnerIdentity, SEEN_INTERVAL_US } from "../runner-identity.ts";
import type { Database, SqlRow } from "./database.ts";
import type { RunningWork } from "./running-attempts.ts";

/** A runner in memory. */
export interface RunnerWork {
  readonly seq: number;
  readonly id: string;
  /** Undefined for one that leases without having registered. */
  identity: RunnerIdentity | undefined;
  state: RunnerState;
  registeredAtUs: number;
  lastSeenAtUs: number;
  /** `lastSeenAtUs` as stored. */
  storedSeenAtUs: number;
  /** Attempts it holds. */
  readonly running: Set<RunningWork>;
  /** Identifiers it gave back as unknown, as `name@major.minor`; they are not offered again. */
  readonly refused: Set<string>;
}

/** Runners by id. Only those heard of since the server started, or holding leases, are in memory. */
export class RunnerTable {
  readonly #db: Database;
  readonly #byId = new Map<string, RunnerWork>();
  readonly #bySeq = new Map<number, RunnerWork>();
  #nextSeq = 1;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A runner by id, if there is one. */
  find(id: string): RunnerWork | undefined {
    return this.#byId.get(id) ?? this.#load(this.#db.row(`SELECT ${columns} FROM runner WHERE id = ?`, id));
  }

  /** A runner by number. */
  bySeq(seq: number): RunnerWork {
    const known = this.#bySeq.get(seq);
    return known ?? this.#load(this.#db.row(`SELECT ${columns} FROM runner WHERE seq = ?`, seq))!;
  }

  /** A runner by id; one that never registered is stored now. */
  obtain(id: string, nowUs: number): RunnerWork {
    const known = this.find(id);
    if (known !== undefined) return known;
    const times = { registeredAtUs: nowUs, lastSeenAtUs: nowUs, storedSeenAtUs: nowUs };
    const work = newWork({ seq: this.#nextSeq++, id, identity: undefined, state: RunnerState.ACTIVE, ...times });
    this.#remember(work);
    this.#db.run(
      `INSERT INTO runner (${columns}) VALUES (?, ?, NULL, ?, ?, ?)`,
      work.seq,
      id,
      work.state,
      nowUs,
      nowUs,
    );
    return work;
  }

  /** Writes what changed of a runner. */
  save(work: RunnerWork): void {
    work.storedSeenAtUs = work.lastSeenAtUs;
    this.#db.run(
      "UPDATE runner SET body = ?, state = ?, registered_at = ?, last_seen_at = ? WHERE seq = ?",
      work.identity === undefined ? null : JSON.stringify(work.identity),
      work.state,
      work.registeredAtUs,
      work.lastSeenAtUs,
      work.seq,
    );
  }

  /** Notes that a runner was heard of. */
  seen(work: RunnerWork, nowUs: number): void {
    work.lastSeenAtUs = nowUs;
    if (nowUs - work.storedSeenAtUs >= SEEN_INTERVAL_US) this.save(work);
  }

  /** Forgets a runner that holds no lease; its number and id stay when attempts name it, as state UNSPECIFIED. */
  forget(id: string): void {
    const work = this.find(id);
    if (work === undefined || work.running.size > 0) return;
    this.#byId.delete(id);
    this.#bySeq.delete(work.seq);
    const named = this.#db.row("SELECT 1 FROM job_runner WHERE runner = ? LIMIT 1", work.seq) !== undefined;
    const kept = `UPDATE runner SET body = NULL, state = ${RunnerState.UNSPECIFIED} WHERE seq = ?`;
    this.#db.run(named ? kept : "DELETE FROM runner WHERE seq = ?", work.seq);
  }

  /** Registered runners, newest first. */
  *registered(before: number): Generator<RunnerWork> {
    let seq = before;
    for (;;) {
      const rows = this.#db.rows(
        `SELECT ${columns} FROM runner WHERE seq < ? AND body IS NOT NULL ORDER BY seq DESC LIMIT 200`,
        seq,
      );
      for (const row of rows) yield this.#byId.get(row[1] as string) ?? fromRow(row);
      if (rows.length < 200) return;
      seq = rows.at(-1)![0] as number;
    }
  }

  /** Runners in memory. */
  known(): IterableIterator<RunnerWork> {
    return this.#byId.values();
  }

  /** Forgets what a rolled-back transaction changed. What runners refused is kept: it is not stored anywhere. */
  reload(): void {
    const refused = [...this.#byId.values()].filter((work) => work.refused.size > 0);
    this.#byId.clear();
    this.#bySeq.clear();
    this.#nextSeq = this.#db.row("SELECT coalesce(max(seq), 0) + 1 FROM runner")![0] as number;
    for (const { id, refused: names } of refused) {
      for (const name of names) this.find(id)?.refused.add(name);
    }
  }

  #load(row: SqlRow | undefined): RunnerWork | undefined {
    if (row === undefined) return undefined;
    const work = fromRow(row);
    this.#remember(work);
    return work;
  }

  #remember(work: RunnerWork): void {
    this.#byId.set(work.id, work);
    this.#bySeq.set(work.seq, work);
  }
}

const columns = "seq, id, body, state, registered_at, last_seen_at";

function fromRow(row: SqlRow): RunnerWork {
  const [seq, id, body, state, registeredAt, lastSeenAt] = row;
  return newWork({
    seq: seq as number,
    id: id as string,
    identity: body === null ? undefined : (JSON.parse(body as string) as RunnerIdentity),
    state: state as RunnerState,
    registeredAtUs: registeredAt as number,
    lastSeenAtUs: lastSeenAt as number,
    storedSeenAtUs: lastSeenAt as number,
  });
}

function newWork(work: Omit<RunnerWork, "running" | "refused">): RunnerWork {
  return { ...work, running: new Set(), refused: new Set() };
}
