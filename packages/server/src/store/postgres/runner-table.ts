import { type CancellationReason, RunnerState, SpanloomError } from "@spanloom/protocol";
import { type RunnerIdentity, SEEN_INTERVAL_US } from "../runner-identity.ts";
import type { CancellationRecord } from "../store.ts";
import { bulkInsert, numbers, Rows, texts } from "./bulk.ts";
import type { SequenceNumbers } from "./sequence-numbers.ts";
import { statement } from "./statement.ts";
import type { SqlRow, Writer } from "./writer.ts";

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
  /** Identifiers it gave back as unknown, as `name@major.minor`; they are not offered again. */
  readonly refused: Set<string>;
  /** Attempts of it that should stop, by task. */
  readonly stops: Map<number, CancellationRecord>;
}

const columns = "r.seq, r.id, r.body, r.state, r.registered_at, r.last_seen_at, r.refused";
const runnersById = statement("write_runners_by_id", `SELECT ${columns} FROM runner r WHERE r.id = ANY($1::uuid[])`);
const runnersBySeq = statement(
  "write_runners_by_seq",
  `SELECT ${columns} FROM runner r WHERE r.seq = ANY($1::bigint[])`,
);
const stopColumns = "s.runner, s.task, s.task_id, s.attempt, s.reason";
const stopsById = statement(
  "stops_by_runner_id",
  `SELECT ${stopColumns} FROM runner r JOIN stop s ON s.runner = r.seq WHERE r.id = ANY($1::uuid[]) ORDER BY s.task`,
);
const stopsBySeq = statement(
  "stops_by_runner",
  `SELECT ${stopColumns} FROM stop s WHERE s.runner = ANY($1::bigint[]) ORDER BY s.task`,
);
const upsertRunners = bulkInsert(
  "runner",
  {
    seq: "bigint",
    id: "uuid",
    body: "text",
    state: "smallint",
    registered_at: "bigint",
    last_seen_at: "bigint",
    refused: "text",
  },
  {
    onConflict: `(seq) DO UPDATE SET body = excluded.body, state = excluded.state,
      registered_at = excluded.registered_at, last_seen_at = excluded.last_seen_at, refused = excluded.refused`,
  },
);
const insertJobRunners = bulkInsert("job_runner", { runner: "bigint", job: "bigint" }, { onConflict: "DO NOTHING" });

/** Pairs of runner and job known to be stored; forgetting them costs a statement that changes nothing. */
const MAX_PAIRS = 100_000;

/** Runners being worked for: read once, changed in memory, written once per transaction. */
export class RunnerTable {
  readonly #sql: Writer;
  readonly #numbers: SequenceNumbers;
  readonly #byId = new Map<string, RunnerWork>();
  readonly #bySeq = new Map<number, RunnerWork>();
  readonly #dirty = new Set<RunnerWork>();
  readonly #rows = new Rows(upsertRunners);
  readonly #jobRows = new Rows(insertJobRunners);
  readonly #pairs = new Set<string>();

  constructor(sql: Writer, sequences: SequenceNumbers) {
    this.#sql = sql;
    this.#numbers = sequences;
  }

  /** A runner by id that was loaded before, if there is one. */
  find(id: string): RunnerWork | undefined {
    return this.#byId.get(id);
  }

  /** A runner by number that was loaded before. */
  bySeq(seq: number): RunnerWork {
    const work = this.#bySeq.get(seq);
    if (work === undefined) throw new SpanloomError("INTERNAL", `cannot work with runner ${seq}: it was not read`);
    return work;
  }

  /** A runner by id, if memory holds it by number. */
  peek(seq: number): RunnerWork | undefined {
    return this.#bySeq.get(seq);
  }

  /** Reads those of the runners that memory does not hold, with what they were told to stop. */
  async loadByIds(ids: Iterable<string>): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#byId.has(id));
    if (missing.length === 0) return;
    const [runners, stops] = await Promise.all([
      this.#sql.ask(runnersById, [texts(missing)]),
      this.#sql.ask(stopsById, [texts(missing)]),
    ]);
    this.#addRows(runners, stops);
  }

  /** Reads those of the runners that memory does not hold, with what they were told to stop. */
  async load(seqs: Iterable<number>): Promise<void> {
    const missing = [...new Set(seqs)].filter((seq) => !this.#bySeq.has(seq));
    if (missing.length === 0) return;
    const [runners, stops] = await Promise.all([
      this.#sql.ask(runnersBySeq, [numbers(missing)]),
      this.#sql.ask(stopsBySeq, [numbers(missing)]),
    ]);
    this.#addRows(runners, stops);
  }

  /** A runner by id; one that is unknown after it was looked for is stored with the transaction. */
  obtain(id: string, nowUs: number): RunnerWork {
    const known = this.find(id);
    if (known !== undefined) return known;
    const work: RunnerWork = {
      seq: this.#numbers.take("runner"),
      id,
      identity: undefined,
      state: RunnerState.ACTIVE,
      registeredAtUs: nowUs,
      lastSeenAtUs: nowUs,
      storedSeenAtUs: nowUs,
      refused: new Set(),
      stops: new Map(),
    };
    this.#remember(work);
    this.save(work);
    return work;
  }

  /** Notes that a runner was changed. */
  save(work: RunnerWork): void {
    work.storedSeenAtUs = work.lastSeenAtUs;
    this.#dirty.add(work);
  }

  /** Notes that a runner was heard of. */
  seen(work: RunnerWork, nowUs: number): void {
    work.lastSeenAtUs = nowUs;
    if (nowUs - work.storedSeenAtUs >= SEEN_INTERVAL_US) this.save(work);
  }

  /** Drops runners that a statement changed. */
  forget(seqs: Iterable<number>): void {
    for (const seq of seqs) {
      const work = this.#bySeq.get(seq);
      if (work === undefined) continue;
      this.#bySeq.delete(seq);
      this.#byId.delete(work.id);
      this.#dirty.delete(work);
    }
  }

  /** Notes that a runner has a task of a job. */
  noteJob(work: RunnerWork, job: number): void {
    const pair = `${work.seq} ${job}`;
    if (this.#pairs.has(pair)) return;
    this.#pairs.add(pair);
    this.#jobRows.add(work.seq, job);
  }

  /** Sends what changed. */
  flush(): void {
    for (const work of this.#dirty) {
      this.#rows.add(
        ...[work.seq, work.id, work.identity === undefined ? null : JSON.stringify(work.identity), work.state],
        ...[work.registeredAtUs, work.lastSeenAtUs, work.refused.size === 0 ? null : JSON.stringify([...work.refused])],
      );
    }
    this.#dirty.clear();
    for (const rows of [this.#rows, this.#jobRows]) {
      rows.sendTo(this.#sql);
    }
  }

  /** Bounds the memory held. Only between transactions. */
  trim(): void {
    if (this.#pairs.size > MAX_PAIRS) this.#pairs.clear();
  }

  /** Drops everything. */
  clear(): void {
    this.#byId.clear();
    this.#bySeq.clear();
    this.#dirty.clear();
    this.#pairs.clear();
    this.#rows.clear();
    this.#jobRows.clear();
  }

  #addRows(runners: readonly SqlRow[], stops: readonly SqlRow[]): void {
    const added = new Set<number>();
    for (const row of runners) {
      if (this.#bySeq.has(row[0] as number)) continue;
      this.#remember(fromRow(row));
      added.add(row[0] as number);
    }
    for (const [runner, task, taskId, attempt, reason] of stops) {
      if (!added.has(runner as number)) continue;
      const stop = { taskId: taskId as string, attempt: attempt as number, reason: reason as CancellationReason };
      this.bySeq(runner as number).stops.set(task as number, stop);
    }
  }

  #remember(work: RunnerWork): void {
    this.#byId.set(work.id, work);
    this.#bySeq.set(work.seq, work);
  }
}

function fromRow(row: SqlRow): RunnerWork {
  const [seq, id, body, state, registeredAt, lastSeenAt, refused] = row;
  return {
    seq: seq as number,
    id: id as string,
    identity: body === null ? undefined : (JSON.parse(body as string) as RunnerIdentity),
    state: state as RunnerState,
    registeredAtUs: registeredAt as number,
    lastSeenAtUs: lastSeenAt as number,
    storedSeenAtUs: lastSeenAt as number,
    refused: new Set(refused === null ? [] : (JSON.parse(refused as string) as string[])),
    stops: new Map(),
  };
}
