import { TaskState } from "@spanloom/protocol";
import type { NewTaskGroup } from "../store.ts";
import { bulkInsert, Rows } from "./bulk.ts";
import type { TaskWork } from "./tasks.ts";
import type { Writer } from "./writer.ts";

/** Consecutive tasks of one group that the open transaction inserts. */
export interface NewRun {
  readonly group: number;
  readonly spec: number;
  readonly state: TaskState;
  /** Row of the first and the last. */
  readonly first: number;
  readonly last: number;
  /** What was submitted, and where the first task stands in it. */
  readonly submitted: Pick<NewTaskGroup, "inputs" | "displays">;
  readonly offset: number;
  readonly scheduledAtUs: number | undefined;
  readonly endedAtUs: number | undefined;
}

const columns = {
  seq: "bigint",
  task_group: "bigint",
  spec: "bigint",
  state: "smallint",
  display: "text",
  input: "bytea",
};
const insertTasks = bulkInsert("task", { ...columns, scheduled_at: "bigint", ended_at: "bigint" });
const insertLeased = bulkInsert(
  "task",
  {
    ...columns,
    attempt: "integer",
    runner: "bigint",
    token: "bytea",
    lease: "bigint",
    leased_at: "bigint",
    expires_at: "bigint",
  },
  { name: "insert_leased_task" },
);

/** Tasks to insert: those that are leased by the very transaction that submits them are written once, as RUNNING. */
export class NewTasks {
  readonly #sql: Writer;
  #runs: NewRun[] = [];
  readonly #leased = new Map<number, TaskWork>();
  readonly #plainRows = new Rows(insertTasks);
  readonly #leasedRows = new Rows(insertLeased);

  constructor(sql: Writer) {
    this.#sql = sql;
  }

  /** Inserts tasks with the transaction. */
  add(run: NewRun): void {
    this.#runs.push(run);
  }

  /** The run a task will be inserted with; undefined when it is in the record. */
  find(seq: number): NewRun | undefined {
    // Numbers are given in order, so runs are added in order.
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#runs[middle]!.first <= seq) low = middle;
      else high = middle - 1;
    }
    const run = this.#runs[low];
    return run !== undefined && seq >= run.first && seq <= run.last ? run : undefined;
  }

  /** Notes that a task is leased; of interest when it is not inserted yet. */
  lease(work: TaskWork): void {
    if (this.find(work.seq) !== undefined) this.#leased.set(work.seq, work);
  }

  /** Sends what is to be inserted. */
  flush(): void {
    for (const run of this.#runs) this.#write(run);
    this.#runs = [];
    this.#leased.clear();
    for (const rows of [this.#plainRows, this.#leasedRows]) {
      rows.sendTo(this.#sql);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#runs = [];
    this.#leased.clear();
  }

  #write({ group, spec, state, first, last, submitted, offset, scheduledAtUs, endedAtUs }: NewRun): void {
    for (let seq = first; seq <= last; seq++) {
      const index = offset + seq - first;
      const input = submitted.inputs[index]!;
      const bytes = input.length === 0 ? undefined : input;
      const display = submitted.displays[index] || undefined;
      const work = this.#leased.get(seq);
      if (work === undefined) {
        this.#plainRows.add(seq, group, spec, state, display, bytes, scheduledAtUs, endedAtUs);
        continue;
      }
      this.#leasedRows.add(
        ...[seq, group, spec, TaskState.RUNNING, display, bytes, work.attempt],
        ...[work.runner, work.token, work.lease, work.leasedAtUs, work.expiresAtUs],
      );
    }
  }
}
