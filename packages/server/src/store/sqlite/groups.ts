import { optionalNumber } from "../cells.ts";
import { splitTaskId, taskIdAt } from "../task-ids.ts";
import type { Database, SqlRow } from "./database.ts";

/** What transactions and reads need of a group, and change. */
export interface GroupWork {
  readonly seq: number;
  readonly job: number;
  /** Task whose attempt submitted it; undefined for roots. */
  readonly parent: number | undefined;
  readonly parentAttempt: number;
  readonly depth: number;
  readonly prefix: string;
  readonly base: number;
  /** Row of its first task; the others follow. */
  readonly first: number;
  readonly count: number;
  readonly createdAtUs: number;
  /** Groups it waits for, ascending. */
  readonly dependsOn: readonly number[];
  /** How many groups wait for it. */
  readonly dependants: number;
  /** Tasks that have not ended. */
  open: number;
  /** Whether a task ended in a way that spoils its parent. */
  spoiled: boolean;
  /** Groups it still waits for. */
  waits: number;
  unblockedAtUs: number | undefined;
  /** Sum of its tasks' outputs. */
  outputBytes: number;
}

/** A task found by its id. */
export interface TaskPlace {
  group: GroupWork;
  seq: number;
}

const MAX_CLEAN = 20_000;
const WALK_PAGE = 256;

const columns = `seq, job, parent, parent_attempt, depth, prefix, base, first, count, created_at, depends_on, open, spoiled,
  waits, unblocked_at, output_bytes, dependants`;

/** Groups being worked on: read once, changed in memory, written once per transaction. */
export class GroupTable {
  readonly #db: Database;
  readonly #works = new Map<number, GroupWork>();
  readonly #dirty = new Set<GroupWork>();
  readonly #closed: number[] = [];
  #nextSeq = 1;
  #nextTask = 1;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Reserves numbers for a new group and its tasks. */
  reserve(count: number): { seq: number; first: number } {
    const first = this.#nextTask;
    this.#nextTask += count;
    return { seq: this.#nextSeq++, first };
  }

  /** Number the next group will get. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Inserts a group. */
  insert(work: GroupWork): void {
    this.#works.set(work.seq, work);
    this.#db.run(
      `INSERT INTO task_group (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      work.seq,
      work.job,
      work.parent ?? null,
      work.parentAttempt,
      work.depth,
      work.prefix,
      work.base,
      work.first,
      work.count,
      work.createdAtUs,
      work.dependsOn.length === 0 ? null : JSON.stringify(work.dependsOn),
      work.open,
      work.spoiled ? 1 : 0,
      work.waits,
      work.unblockedAtUs ?? null,
      work.outputBytes,
      work.dependants,
    );
    for (const dependency of work.dependsOn) {
      this.#db.run("INSERT INTO group_edge (dependency, dependant) VALUES (?, ?)", dependency, work.seq);
    }
  }

  /** A group by number. */
  get(seq: number): GroupWork {
    return this.#works.get(seq) ?? this.#load(this.#db.row(`SELECT ${columns} FROM task_group WHERE seq = ?`, seq)!);
  }

  /** Groups of a job in creation order. Writes of the open transaction must be flushed. */
  ofJob(job: number): GroupWork[] {
    return this.#all(`SELECT ${columns} FROM task_group WHERE job = ? ORDER BY seq`, job);
  }

  /** Groups of a job's roots in creation order. */
  rootsOf(job: number): GroupWork[] {
    return this.#all(`SELECT ${columns} FROM task_group WHERE job = ? AND parent IS NULL ORDER BY seq`, job);
  }

  /** Groups of a job in creation order from number `from` on, read a few at a time. */
  *walkJob(job: number, from: number): Generator<GroupWork> {
    for (let next = from; ; ) {
      const page = this.#all(
        `SELECT ${columns} FROM task_group WHERE job = ? AND seq >= ? ORDER BY seq LIMIT ${WALK_PAGE}`,
        job,
        next,
      );
      yield* page;
      if (page.length < WALK_PAGE) return;
      next = page.at(-1)!.seq + 1;
    }
  }

  /** Groups that have one of these prefixes. */
  withPrefixes(prefixes: readonly string[]): GroupWork[] {
    const sql = `SELECT ${columns} FROM task_group WHERE prefix IN (SELECT value FROM json_each(?))`;
    return this.#all(sql, JSON.stringify(prefixes));
  }

  /** Groups a task submitted, in order. */
  ofParent(task: number): GroupWork[] {
    return this.#all(`SELECT ${columns} FROM task_group WHERE parent = ? ORDER BY seq`, task);
  }

  /** Groups that wait for a group. */
  dependantsOf(seq: number): GroupWork[] {
    const rows = this.#db.rows("SELECT dependant FROM group_edge WHERE dependency = ?", seq);
    return rows.map(([dependant]) => this.get(dependant as number));
  }

  /** Finds a task by id; undefined when no task has it. */
  find(taskId: string): TaskPlace | undefined {
    const id = splitTaskId(taskId);
    if (id === undefined) return undefined;
    for (const group of this.#all(`SELECT ${columns} FROM task_group WHERE prefix = ?`, id.prefix)) {
      const index = id.base - group.base;
      if (index >= 0 && index < group.count) return { group, seq: group.first + index };
    }
    return undefined;
  }

  /** Notes that a group was changed. */
  touch(work: GroupWork): void {
    this.#dirty.add(work);
  }

  /** Writes what changed. */
  flush(): void {
    for (const work of this.#dirty) {
      this.#db.run(
        "UPDATE task_group SET open = ?, spoiled = ?, waits = ?, unblocked_at = ?, output_bytes = ? WHERE seq = ?",
        work.open,
        work.spoiled ? 1 : 0,
        work.waits,
        work.unblockedAtUs ?? null,
        work.outputBytes,
        work.seq,
      );
      if (work.open === 0) this.#closed.push(work.seq);
    }
    this.#dirty.clear();
  }

  /** Bounds the memory held for groups nobody works on. Only between transactions. */
  trim(): void {
    for (const seq of this.#closed) this.#works.delete(seq);
    this.#closed.length = 0;
    if (this.#works.size > MAX_CLEAN) this.#works.clear();
  }

  /** Forgets what a rolled-back transaction changed. */
  reload(): void {
    this.#works.clear();
    this.#dirty.clear();
    this.#closed.length = 0;
    this.#nextSeq = this.#db.row("SELECT coalesce(max(seq), 0) + 1 FROM task_group")![0] as number;
    this.#nextTask = this.#db.row("SELECT coalesce(max(seq), 0) + 1 FROM task")![0] as number;
  }

  #all(sql: string, ...values: (string | number)[]): GroupWork[] {
    return this.#db.rows(sql, ...values).map((row) => this.#works.get(row[0] as number) ?? this.#load(row));
  }

  #load(row: SqlRow): GroupWork {
    const work = toGroupWork(row);
    this.#works.set(work.seq, work);
    return work;
  }
}

/** Id of a task of a group, by its row. */
export function taskIdOf(group: GroupWork, seq: number): string {
  return taskIdAt(group, seq - group.first);
}

function toGroupWork(row: SqlRow): GroupWork {
  const [seq, job, parent, parentAttempt, depth, prefix, base, first, count, createdAt, dependsOn] = row;
  const [open, spoiled, waits, unblockedAt, outputBytes, dependants] = row.slice(11);
  return {
    seq: seq as number,
    job: job as number,
    parent: optionalNumber(parent!),
    parentAttempt: parentAttempt as number,
    depth: depth as number,
    prefix: prefix as string,
    base: base as number,
    first: first as number,
    count: count as number,
    createdAtUs: createdAt as number,
    dependsOn: dependsOn === null ? [] : JSON.parse(dependsOn as string),
    open: open as number,
    spoiled: spoiled === 1,
    waits: waits as number,
    unblockedAtUs: optionalNumber(unblockedAt!),
    outputBytes: outputBytes as number,
    dependants: dependants as number,
  };
}
