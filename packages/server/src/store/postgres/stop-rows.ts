import type { CancellationReason } from "@spanloom/protocol";
import { bulk, bulkInsert, Rows } from "./bulk.ts";
import type { Writer } from "./writer.ts";

const writeStops = bulkInsert(
  "stop",
  {
    task: "bigint",
    task_id: "uuid",
    runner: "bigint",
    attempt: "integer",
    reason: "smallint",
    fence_at: "bigint",
  },
  {
    onConflict: `(task) DO UPDATE SET runner = excluded.runner, attempt = excluded.attempt, reason = excluded.reason,
      fence_at = excluded.fence_at`,
  },
);
const deleteStops = bulk(
  "delete_stop",
  { task: "bigint" },
  (rows) => `DELETE FROM stop USING ${rows}
  WHERE stop.task = u.task`,
);

/** A running attempt that was told to stop. */
export interface StopRow {
  taskId: string;
  runner: number;
  attempt: number;
  reason: CancellationReason;
  fenceAtUs: number;
}

/** Which running attempts were told to stop. What was said last of a task counts: an attempt may be told to stop and end in one transaction. */
export class StopRows {
  readonly #changed = new Map<number, StopRow | undefined>();
  readonly #written = new Rows(writeStops);
  readonly #deleted = new Rows(deleteStops);

  /** The running attempt of a task was told to stop. */
  set(task: number, row: StopRow): void {
    this.#changed.set(task, row);
  }

  /** The attempt of a task that was told to stop has ended. */
  remove(task: number): void {
    this.#changed.set(task, undefined);
  }

  /** Sends what changed. */
  sendTo(sql: Writer): void {
    for (const [task, row] of this.#changed) {
      if (row === undefined) this.#deleted.add(task);
      else this.#written.add(task, row.taskId, row.runner, row.attempt, row.reason, row.fenceAtUs);
    }
    this.#changed.clear();
    this.#deleted.sendTo(sql);
    this.#written.sendTo(sql);
  }

  /** Forgets what changed. */
  clear(): void {
    this.#changed.clear();
  }
}
