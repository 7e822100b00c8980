import { batchSizes, callSeconds, Distribution } from "@spanloom/metrics";
import { WorkCounts } from "./work-counts.ts";

/** What a store counts, since it was made; read by metrics. */
export class StoreStats {
  /** How long transactions took, in seconds, from their beginning to their commit. */
  readonly commitSeconds = new Distribution(callSeconds);
  /** Operations that shared one transaction. */
  readonly commitOperations = new Distribution(batchSizes);
  /** Transactions that were undone, by a defect or because the machine failed them. */
  rollbacks = 0;
  /** What was committed of jobs and tasks. */
  readonly work = new WorkCounts();
  /** Of the open transaction. */
  readonly pending = new WorkCounts();

  /** Notes a transaction that was committed, and what it did. */
  committed(operations: number, seconds: number): void {
    this.commitSeconds.record(seconds);
    this.commitOperations.record(operations);
    this.work.take(this.pending);
  }

  /** Notes a transaction that was undone. */
  rolledBack(): void {
    this.rollbacks++;
    this.pending.clear();
  }
}
