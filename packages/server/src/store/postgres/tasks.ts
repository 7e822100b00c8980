import { AttemptOutcome, type CancellationReason, SpanloomError, TaskState } from "@spanloom/protocol";
import { decodeProgress, encodeFailure, encodeProgress } from "../cells.ts";
import type { Failure, ProgressRecord } from "../store.ts";
import { bulk, bulkInsert, numbers, Rows, texts } from "./bulk.ts";
import { type GroupTable, taskIdOf } from "./groups.ts";
import { NewTasks } from "./new-tasks.ts";
import { statement } from "./statement.ts";
import { StopRows } from "./stop-rows.ts";
import { TimerRows } from "./timer-rows.ts";
import type { SqlRow, Writer } from "./writer.ts";

/** A task in memory: one that runs or waits for children, or whose attempt ended in the open transaction. */
export interface TaskWork {
  readonly seq: number;
  readonly taskId: string;
  readonly group: number;
  readonly job: number;
  readonly spec: number;
  state: TaskState;
  attempt: number;
  outcome: AttemptOutcome;
  counted: number;
  losses: number;
  /** Whether an optional ancestor's subtree failed meanwhile. */
  doomed: boolean;
  runner: number | undefined;
  token: Uint8Array | undefined;
  lease: number | undefined;
  leasedAtUs: number | undefined;
  expiresAtUs: number | undefined;
  attemptEndedAtUs: number | undefined;
  queuedAtUs: number | undefined;
  backoffUs: number | undefined;
  scheduledAtUs: number | undefined;
  startedAtUs: number | undefined;
  endedAtUs: number | undefined;
  openGroups: number | undefined;
  childCount: number | undefined;
  spoiled: boolean;
  progress: readonly ProgressRecord[];
  /** Why its attempt should stop, once it should. */
  stop: CancellationReason | undefined;
  /** When its attempt is ended without its runner, once it should stop. */
  fenceAtUs: number | undefined;
  /** To be written; undefined: as it is. */
  output: Uint8Array | undefined;
  extras: Uint8Array | undefined;
  display: string | undefined;
  failure: Failure | undefined;
  dropped: number | undefined;
}

/** Which columns of a task changed; what does not fit one shape is written whole. */
export type TaskChange = "end" | "close" | "extend" | "whole";

/** Columns that {@link TaskTable.addRows} takes, of tables called `t` and `s`. */
export const taskColumns = `t.seq, t.task_group, t.spec, t.state, t.attempt, t.outcome, t.counted, t.losses, t.doomed,
  t.runner, t.token, t.lease, t.leased_at, t.expires_at, t.attempt_ended_at, t.queued_at, t.backoff_us, t.scheduled_at,
  t.started_at, t.ended_at, t.open_groups, t.child_count, t.spoiled, t.progress, s.reason, s.fence_at`;

const tasksBySeq = statement(
  "write_tasks_by_seq",
  `SELECT ${taskColumns} FROM task t LEFT JOIN stop s ON s.task = t.seq WHERE t.seq = ANY($1::bigint[])`,
);
const groupsOfTasks = statement(
  "write_groups_of_tasks",
  "SELECT DISTINCT task_group FROM task WHERE seq = ANY($1::bigint[])",
);

/** Number of a task within its group, from two ids: the difference of their last 12 digits. */
const index = `(('x' || right(u.id::text, 12))::bit(48)::bigint - ('x' || right(g.first_id::text, 12))::bit(48)::bigint)`;

const placesById = statement(
  "places_by_id",
  `SELECT u.id, g.seq, g.job, g.first + ${index} FROM unnest($1::uuid[]) AS u (id)
   CROSS JOIN LATERAL (SELECT seq, job, first_id, first, count FROM task_group
     WHERE first_id <= u.id ORDER BY first_id DESC LIMIT 1) g
   WHERE ${index} < g.count AND left(u.id::text, 24) = left(g.first_id::text, 24)`,
);
const earlierTokens = statement(
  "earlier_tokens",
  `SELECT a.task, a.number, a.token FROM unnest($1::bigint[], $2::integer[]) AS u (task, number)
   JOIN attempt a ON a.task = u.task AND a.number = u.number`,
);

const moveRanges = bulk(
  "move_tasks",
  { first: "bigint", last: "bigint", state: "smallint", scheduled_at: "bigint", queued_at: "bigint" },
  (rows) => `UPDATE task SET state = u.state, scheduled_at = u.scheduled_at,
    queued_at = coalesce(u.queued_at, task.queued_at) FROM ${rows} WHERE task.seq BETWEEN u.first AND u.last`,
);
const endTasks = bulk(
  "end_task",
  {
    seq: "bigint",
    state: "smallint",
    counted: "integer",
    attempt_ended_at: "bigint",
    ended_at: "bigint",
    open_groups: "integer",
    child_count: "integer",
    output: "bytea",
  },
  (rows) => `UPDATE task SET state = u.state, outcome = ${AttemptOutcome.SUCCESS}, counted = u.counted,
    attempt_ended_at = u.attempt_ended_at, ended_at = u.ended_at, open_groups = u.open_groups,
    child_count = u.child_count, output = u.output FROM ${rows} WHERE task.seq = u.seq`,
);
const closeTasks = bulk(
  "close_task",
  { seq: "bigint", state: "smallint", ended_at: "bigint", open_groups: "integer", spoiled: "boolean", failure: "text" },
  (rows) => `UPDATE task SET state = u.state, ended_at = u.ended_at, open_groups = u.open_groups, spoiled = u.spoiled,
    failure = u.failure FROM ${rows} WHERE task.seq = u.seq`,
);
const extendTasks = bulk(
  "extend_task",
  { seq: "bigint", expires_at: "bigint" },
  (rows) => `UPDATE task SET expires_at = u.expires_at FROM ${rows} WHERE task.seq = u.seq`,
);
const whole = {
  state: "smallint",
  outcome: "smallint",
  counted: "integer",
  losses: "integer",
  doomed: "boolean",
  token: "bytea",
  expires_at: "bigint",
  attempt_ended_at: "bigint",
  queued_at: "bigint",
  backoff_us: "bigint",
  scheduled_at: "bigint",
  started_at: "bigint",
  ended_at: "bigint",
  open_groups: "integer",
  child_count: "integer",
  spoiled: "boolean",
  progress: "text",
};
const kept = { output: "bytea", extras: "bytea", display: "text", failure: "text", dropped: "bigint" };
const writeTasks = bulk("write_task", { seq: "bigint", ...whole, ...kept }, (rows) => {
  const sets = Object.keys(whole).map((name) => `${name} = u.${name}`);
  const keeps = Object.keys(kept).map((name) => `${name} = coalesce(u.${name}, task.${name})`);
  return `UPDATE task SET ${[...sets, ...keeps].join(", ")} FROM ${rows} WHERE task.seq = u.seq`;
});

const insertAttempts = bulkInsert("attempt", {
  task: "bigint",
  number: "integer",
  runner: "bigint",
  token: "bytea",
  outcome: "smallint",
  leased_at: "bigint",
  ended_at: "bigint",
  queued_at: "bigint",
  backoff_us: "bigint",
  dropped: "bigint",
  failure: "text",
  extras: "bytea",
});
/** Places of tasks remembered after another server wrote; finding one anew costs a round trip. */
const MAX_LEFT = 50_000;

/** Where a task is. */
export interface TaskPlace {
  group: number;
  job: number;
  seq: number;
}

/** Tasks being worked on: read once, changed in memory, written once per transaction. */
export class TaskTable {
  readonly #sql: Writer;
  readonly #bySeq = new Map<number, TaskWork>();
  readonly #byId = new Map<string, TaskWork>();
  /** Where tasks are that were held when another server wrote. */
  #left = new Map<string, TaskPlace>();
  readonly #dirty = new Map<TaskWork, TaskChange>();
  readonly #settled = new Set<TaskWork>();
  /** Tasks by id that the open transaction has read or changed and holds no longer. */
  readonly #released = new Map<string, TaskWork>();
  readonly #ends = new Rows(endTasks);
  readonly #closes = new Rows(closeTasks);
  readonly #extends = new Rows(extendTasks);
  readonly #wholes = new Rows(writeTasks);
  /** Tasks to insert. */
  readonly inserts: NewTasks;
  /** Ranges of tasks to move from one state to another. */
  readonly moves = new Rows(moveRanges);
  /** Attempts that another follows. */
  readonly attempts = new Rows(insertAttempts);
  readonly stops = new StopRows();
  readonly timers = new TimerRows("timer");
  readonly queueTimers = new TimerRows("queue_timer");

  constructor(sql: Writer) {
    this.#sql = sql;
    this.inserts = new NewTasks(sql);
  }

  /** How many tasks memory holds. */
  get size(): number {
    return this.#bySeq.size;
  }

  /** A task by id, if memory holds it. */
  find(taskId: string): TaskWork | undefined {
    return this.#byId.get(taskId);
  }

  /**
   * A task by id as the open transaction last held it. Statements may have changed it since, but for what its attempts
   * up to that one were.
   */
  lastHeld(taskId: string): TaskWork | undefined {
    return this.#byId.get(taskId) ?? this.#released.get(taskId);
  }

  /** A task by number that was loaded before. */
  get(seq: number): TaskWork {
    const work = this.#bySeq.get(seq);
    if (work === undefined) throw new SpanloomError("INTERNAL", `cannot work on task ${seq}: it was not read`);
    return work;
  }

  /** Where tasks are, by id; unknown ids are left out. */
  async places(ids: readonly string[]): Promise<ReadonlyMap<string, TaskPlace>> {
    const unknown = ids.filter((id) => !this.#left.has(id));
    if (unknown.length === 0) return new Map(ids.map((id) => [id, this.#left.get(id)!]));
    const rows = await this.#sql.ask(placesById, [texts(ids)]);
    return new Map(rows.map(([id, group, job, seq]) => [id as string, { group, job, seq } as TaskPlace]));
  }

  /** Those of the tasks that memory does not hold. */
  missing(seqs: Iterable<number>): number[] {
    return [...new Set(seqs)].filter((seq) => !this.#bySeq.has(seq));
  }

  /** Rows of {@link taskColumns} of these tasks. */
  read(seqs: readonly number[]): Promise<readonly SqlRow[]> {
    return this.#sql.ask(tasksBySeq, [numbers(seqs)]);
  }

  /** Numbers of the groups of these tasks. */
  async readGroups(seqs: readonly number[]): Promise<number[]> {
    return (await this.#sql.ask(groupsOfTasks, [numbers(seqs)])).map(([group]) => group as number);
  }

  /** Tokens of attempts that another followed. */
  async earlierTokens(attempts: readonly { task: number; number: number }[]) {
    const values = [numbers(attempts.map(({ task }) => task)), numbers(attempts.map(({ number }) => number))];
    const rows = await this.#sql.ask(earlierTokens, values);
    return rows.map(([task, number, token]) => ({
      task: task as number,
      number: number as number,
      token: (token as Uint8Array | null) ?? undefined,
    }));
  }

  /** Takes rows of {@link taskColumns}, whose groups are loaded; what memory holds already is newer. */
  addRows(groups: GroupTable, rows: readonly SqlRow[]): TaskWork[] {
    return rows.map((row) => {
      const known = this.#bySeq.get(row[0] as number);
      return known ?? this.add(toTaskWork(groups, row));
    });
  }

  /** Holds a task in memory. */
  add(work: TaskWork): TaskWork {
    this.#bySeq.set(work.seq, work);
    this.#byId.set(work.taskId, work);
    if (!isHeld(work)) this.#settled.add(work);
    return work;
  }

  /** Notes that a task was changed. */
  touch(work: TaskWork, change: TaskChange): void {
    const earlier = this.#dirty.get(work);
    this.#dirty.set(work, earlier === undefined || earlier === change ? change : "whole");
    if (!isHeld(work)) this.#settled.add(work);
  }

  /** Sends what changed and what is new. */
  flush(): void {
    this.inserts.flush();
    this.flushChanges();
  }

  /** Sends what changed. Tasks that neither run nor wait are held no longer: statements may change them. */
  flushChanges(): void {
    for (const [work, change] of this.#dirty) this.#write(work, change);
    this.#dirty.clear();
    for (const rows of this.#buffers()) rows.sendTo(this.#sql);
    this.stops.sendTo(this.#sql);
    for (const work of this.#settled) {
      this.#bySeq.delete(work.seq);
      this.#byId.delete(work.taskId);
      this.#released.set(work.taskId, work);
    }
    this.#settled.clear();
  }

  /** Begins a transaction. */
  begin(): void {
    this.#released.clear();
  }

  /** Drops everything but where committed tasks are: that never changes. */
  drop(): void {
    const left = new Map<string, TaskPlace>();
    for (const { taskId, group, job, seq } of this.#bySeq.values()) left.set(taskId, { group, job, seq });
    // What was left before is of tasks that nobody asked for since: a runner may yet report them.
    if (left.size + this.#left.size <= MAX_LEFT) for (const [id, place] of this.#left) left.set(id, place);
    this.clear();
    this.#left = left;
  }

  /** Drops everything. */
  clear(): void {
    this.#left.clear();
    this.#bySeq.clear();
    this.#byId.clear();
    this.#dirty.clear();
    this.#settled.clear();
    this.inserts.clear();
    this.stops.clear();
    for (const rows of this.#buffers()) rows.clear();
  }

  #buffers(): readonly (Rows | TimerRows)[] {
    return [
      ...[this.moves, this.#ends, this.#closes, this.#extends, this.#wholes],
      ...[this.attempts, this.timers, this.queueTimers],
    ];
  }

  #write(work: TaskWork, change: TaskChange): void {
    const { seq, state } = work;
    switch (change) {
      case "end":
        this.#ends.add(
          ...[seq, state, work.counted, work.attemptEndedAtUs, work.endedAtUs, work.openGroups, work.childCount],
          work.output,
        );
        break;
      case "close":
        this.#closes.add(...[seq, state, work.endedAtUs, work.openGroups, work.spoiled, encodeFailure(work.failure)]);
        break;
      case "extend":
        this.#extends.add(seq, work.expiresAtUs);
        break;
      default:
        this.#wholes.add(seq, ...wholeCells(work));
    }
    Object.assign(work, unwritten);
  }
}

function wholeCells(work: TaskWork) {
  return [
    ...[work.state, work.outcome, work.counted, work.losses, work.doomed, work.token, work.expiresAtUs],
    ...[work.attemptEndedAtUs, work.queuedAtUs, work.backoffUs, work.scheduledAtUs, work.startedAtUs, work.endedAtUs],
    ...[work.openGroups, work.childCount, work.spoiled, encodeProgress(work.progress)],
    ...[work.output, work.extras, work.display, encodeFailure(work.failure), work.dropped],
  ];
}

function isHeld({ state }: TaskWork): boolean {
  return state === TaskState.RUNNING || state === TaskState.WAITING;
}

/** What is never read back, only written. */
export const unwritten = {
  output: undefined,
  extras: undefined,
  display: undefined,
  failure: undefined,
  dropped: undefined,
} as const;

function toTaskWork(groups: GroupTable, row: SqlRow): TaskWork {
  const [seq, groupSeq, spec, state, attempt, outcome, counted, losses] = row as number[];
  const times = row as (number | null)[];
  const group = groups.get(groupSeq!);
  return {
    seq: seq!,
    taskId: taskIdOf(group, seq!),
    group: group.seq,
    job: group.job,
    spec: spec!,
    state: state as TaskState,
    attempt: attempt!,
    outcome: outcome as AttemptOutcome,
    counted: counted!,
    losses: losses!,
    doomed: row[8] as boolean,
    runner: times[9] ?? undefined,
    token: (row[10] as Uint8Array | null) ?? undefined,
    lease: times[11] ?? undefined,
    leasedAtUs: times[12] ?? undefined,
    expiresAtUs: times[13] ?? undefined,
    attemptEndedAtUs: times[14] ?? undefined,
    queuedAtUs: times[15] ?? undefined,
    backoffUs: times[16] ?? undefined,
    scheduledAtUs: times[17] ?? undefined,
    startedAtUs: times[18] ?? undefined,
    endedAtUs: times[19] ?? undefined,
    openGroups: times[20] ?? undefined,
    childCount: times[21] ?? undefined,
    spoiled: row[22] as boolean,
    progress: decodeProgress(row[23] as string | null),
    stop: (times[24] ?? undefined) as CancellationReason | undefined,
    fenceAtUs: times[25] ?? undefined,
    ...unwritten,
  };
}
