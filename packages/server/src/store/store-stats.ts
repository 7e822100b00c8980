import { batchSizes, callSeconds, Distribution } from "@spanloom/metrics";

/** What a store counts, since it was made; read by metrics. */
export class StoreStats {
  /** How long transactions took, in seconds, from their beginning to their commit. */
  readonly commitSeconds = new Distribution(callSeconds);
  /** Operations that shared one transaction. */
  readonly commitOperations = new Distribution(batchSizes);
  /** Transactions that were undone, by a defect or because the machine failed them. */
  rollbacks = 0;

  /** Notes a transaction that was committed. */
  committed(operations: number, seconds: number): void {
    this.commitSeconds.record(seconds);
    this.commitOperations.record(operations);
  }
}
