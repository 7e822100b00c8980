import { RowBuilder, type SpanColumns, spanColumns } from "../telemetry/columns/span-columns.ts";
import { BatchTasks } from "./batch-tasks.ts";

/** Rows and bytes from which a batch is made of what there is: its bytes are copied three times. */
const BATCH = { rows: 512, bytes: 512 * 1024 };

/** A batch that is being made. */
export interface BatchInMaking {
  readonly rows: RowBuilder<SpanColumns>;
  readonly tasks: BatchTasks;
}

/** Batches for each runner, given on when there is enough in them. */
export class BatchesByRunner {
  readonly #batches = new Map<string, BatchInMaking>();
  readonly #full: (runnerId: string, batch: BatchInMaking) => void;

  constructor(full: (runnerId: string, batch: BatchInMaking) => void) {
    this.#full = full;
  }

  /** Where the next row of a runner goes. */
  of(runnerId: string): BatchInMaking {
    let batch = this.#batches.get(runnerId);
    if (batch && isFull(batch)) {
      this.#full(runnerId, batch);
      batch = undefined;
    }
    batch ??= { rows: new RowBuilder(spanColumns()), tasks: new BatchTasks() };
    this.#batches.set(runnerId, batch);
    return batch;
  }

  /** Gives on what is left. */
  [Symbol.dispose](): void {
    for (const [runnerId, batch] of this.#batches) this.#full(runnerId, batch);
    this.#batches.clear();
  }
}

function isFull({ rows, tasks }: BatchInMaking): boolean {
  return rows.rows >= BATCH.rows || rows.byteSize() + tasks.bytes >= BATCH.bytes;
}
