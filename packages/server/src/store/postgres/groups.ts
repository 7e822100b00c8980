import { SpanloomError } from "@spanloom/protocol";
import { splitTaskId, taskIdAt } from "../task-ids.ts";
import { bulk, bulkInsert, numbers, Rows } from "./bulk.ts";
import { statement } from "./statement.ts";
import type { SqlRow, Writer } from "./writer.ts";

/** What transactions need of a group, and change. */
export interface GroupWork {
  readonly seq: number;
  readonly job: number;
  /** Task whose attempt submitted it; undefined for roots. */
  readonly parent: number | undefined;
  readonly parentId: string | undefined;
  readonly parentAttempt: number;
  /** Nearest optional ancestor of its tasks, which bounds their failures. */
  readonly boundary: number | undefined;
  readonly depth: number;
  /** Of its tasks, when they share one. */
  readonly spec: number | undefined;
  readonly prefix: string;
  readonly base: number;
  /** Row of its first task; the others follow. */
  readonly first: number;
  readonly count: number;
  readonly createdAtUs: number;
  readonly inputBytes: number;
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
  /** Sum of its tasks' outputs; kept only of roots and of groups that others wait for. */
  outputBytes: number;
  /** What the outputs of those of its dependencies that are done take in a lease. */
  dependencyBytes: number;
}

const changing = {
  open: "integer",
  spoiled: "boolean",
  waits: "integer",
  unblocked_at: "bigint",
  output_bytes: "bigint",
  dependency_bytes: "bigint",
};

const insertGroups = bulk(
  "insert_task_group",
  {
    seq: "bigint",
    job: "bigint",
    parent: "bigint",
    parent_id: "uuid",
    parent_attempt: "integer",
    boundary: "bigint",
    depth: "integer",
    spec: "bigint",
    first_id: "uuid",
    first: "bigint",
    count: "integer",
    created_at: "bigint",
    input_bytes: "bigint",
    dependants: "integer",
    depends_on: "text",
    ...changing,
  },
  (
    rows,
  ) => `INSERT INTO task_group (seq, job, parent, parent_id, parent_attempt, boundary, depth, spec, first_id, first,
    count, created_at, input_bytes, dependants, depends_on, ${Object.keys(changing).join(", ")})
    SELECT seq, job, parent, parent_id, parent_attempt, boundary, depth, spec, first_id, first, count, created_at,
    input_bytes, dependants, depends_on::bigint[], ${Object.keys(changing).join(", ")} FROM ${rows}`,
);

const updateGroups = bulk("update_task_group", { seq: "bigint", ...changing }, (rows) => {
  const sets = Object.keys(changing).map((name) => `${name} = u.${name}`);
  return `UPDATE task_group SET ${sets.join(", ")} FROM ${rows} WHERE task_group.seq = u.seq`;
});

const insertEdges = bulkInsert("group_edge", { dependency: "bigint", dependant: "bigint" });

/** Columns that {@link GroupTable.addRows} takes, of a table called `g`. */
export const groupColumns = `g.seq, g.job, g.parent, g.parent_id, g.parent_attempt, g.boundary, g.depth, g.spec,
  g.first_id, g.first, g.count, g.created_at, g.input_bytes, g.depends_on, g.dependants, g.open, g.spoiled, g.waits,
  g.unblocked_at, g.output_bytes, g.dependency_bytes`;

/** How many columns that is. */
export const GROUP_WIDTH = 21;

const groupsBySeq = statement(
  "write_groups_by_seq",
  `SELECT ${groupColumns} FROM task_group g WHERE g.seq = ANY($1::bigint[])`,
);
const dependantGroups = statement(
  "dependant_groups",
  `SELECT e.dependency, ${groupColumns} FROM group_edge e JOIN task_group g ON g.seq = e.dependant
   WHERE e.dependency = ANY($1::bigint[]) ORDER BY g.seq`,
);

/** Groups being worked on: read once, changed in memory, written once per transaction. */
export class GroupTable {
  readonly #sql: Writer;
  readonly #works = new Map<number, GroupWork>();
  readonly #dirty = new Set<GroupWork>();
  readonly #new = new Set<GroupWork>();
  readonly #closed: GroupWork[] = [];
  readonly #inserts = new Rows(insertGroups);
  readonly #updates = new Rows(updateGroups);
  readonly #edges = new Rows(insertEdges);

  constructor(sql: Writer) {
    this.#sql = sql;
  }

  /** How many groups memory holds. */
  get size(): number {
    return this.#works.size;
  }

  /** A group by number that was loaded before. */
  get(seq: number): GroupWork {
    const work = this.#works.get(seq);
    if (work === undefined) throw new SpanloomError("INTERNAL", `cannot work on group ${seq}: it was not read`);
    return work;
  }

  /** Inserts a group with the transaction. */
  insert(work: GroupWork): void {
    this.#works.set(work.seq, work);
    this.#new.add(work);
    for (const dependency of work.dependsOn) this.#edges.add(dependency, work.seq);
  }

  /** Reads those of the groups that memory does not hold. */
  async load(seqs: Iterable<number>): Promise<void> {
    const missing = new Set<number>();
    for (const seq of seqs) if (!this.#works.has(seq)) missing.add(seq);
    if (missing.size > 0) this.addRows(await this.#sql.ask(groupsBySeq, [numbers(missing)]));
  }

  /** Groups that wait for others, as pairs. What the open transaction inserted must have been sent. */
  async dependantsOf(seqs: Iterable<number>): Promise<{ dependency: number; dependant: GroupWork }[]> {
    const rows = await this.#sql.ask(dependantGroups, [numbers(seqs)]);
    return rows.map(([dependency, ...row]) => ({
      dependency: dependency as number,
      dependant: this.addRows([row])[0]!,
    }));
  }

  /** Takes rows of {@link groupColumns}; what memory holds already is newer. */
  addRows(rows: readonly SqlRow[]): GroupWork[] {
    return rows.map((row) => {
      const known = this.#works.get(row[0] as number);
      if (known !== undefined) return known;
      const work = toGroupWork(row);
      this.#works.set(work.seq, work);
      if (work.open === 0) this.#closed.push(work);
      return work;
    });
  }

  /** Notes that a group was changed. */
  touch(work: GroupWork): void {
    if (!this.#new.has(work)) this.#dirty.add(work);
  }

  /** Sends what changed. */
  flush(): void {
    for (const work of this.#new) {
      const { parent, parentId, parentAttempt, boundary, depth, spec, dependsOn } = work;
      this.#inserts.add(
        ...[work.seq, work.job, parent, parentId, parentAttempt, boundary, depth, spec, taskIdAt(work, 0), work.first],
        ...[work.count, work.createdAtUs, work.inputBytes, work.dependants],
        dependsOn.length === 0 ? null : numbers(dependsOn),
        ...changingCells(work),
      );
    }
    for (const work of this.#dirty) this.#updates.add(work.seq, ...changingCells(work));
    for (const works of [this.#new, this.#dirty]) {
      for (const work of works) if (work.open === 0) this.#closed.push(work);
    }
    this.#new.clear();
    this.#dirty.clear();
    for (const rows of [this.#inserts, this.#updates, this.#edges]) {
      rows.sendTo(this.#sql);
    }
  }

  /** Drops groups of which all tasks have ended. Only between transactions. */
  trim(): void {
    // Some may have been reopened by the transaction that read them as ended.
    for (const work of this.#closed) if (work.open === 0) this.#works.delete(work.seq);
    this.#closed.length = 0;
  }

  /** Drops everything. */
  clear(): void {
    this.#works.clear();
    this.#dirty.clear();
    this.#new.clear();
    this.#closed.length = 0;
    this.#inserts.clear();
    this.#updates.clear();
    this.#edges.clear();
  }
}

/** Id of a task of a group, by its row. */
export function taskIdOf(group: GroupWork, seq: number): string {
  return taskIdAt(group, seq - group.first);
}

/** Row of the last task of a group. */
export function lastOf({ first, count }: GroupWork): number {
  return first + count - 1;
}

function changingCells(work: GroupWork) {
  return [work.open, work.spoiled, work.waits, work.unblockedAtUs, work.outputBytes, work.dependencyBytes];
}

function toGroupWork(row: SqlRow): GroupWork {
  const [seq, job, parent, parentId, parentAttempt, boundary, depth, spec, firstId, first, count] = row;
  const [
    createdAt,
    inputBytes,
    dependsOn,
    dependants,
    open,
    spoiled,
    waits,
    unblockedAt,
    outputBytes,
    dependencyBytes,
  ] = row.slice(11);
  return {
    seq: seq as number,
    job: job as number,
    parent: (parent as number | null) ?? undefined,
    parentId: (parentId as string | null) ?? undefined,
    parentAttempt: parentAttempt as number,
    boundary: (boundary as number | null) ?? undefined,
    depth: depth as number,
    spec: (spec as number | null) ?? undefined,
    ...splitTaskId(firstId as string)!,
    first: first as number,
    count: count as number,
    createdAtUs: createdAt as number,
    inputBytes: inputBytes as number,
    dependsOn: (dependsOn as readonly number[] | null) ?? [],
    dependants: dependants as number,
    open: open as number,
    spoiled: spoiled as boolean,
    waits: waits as number,
    unblockedAtUs: (unblockedAt as number | null) ?? undefined,
    outputBytes: outputBytes as number,
    dependencyBytes: dependencyBytes as number,
  };
}
