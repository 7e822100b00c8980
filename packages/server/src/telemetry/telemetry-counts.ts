import { callSeconds, Distribution } from "@spanloom/metrics";
import type { Reason } from "@spanloom/protocol";
import type { InsertBatch, SpanStore, TelemetryTable } from "./columnar/span-store.ts";

/** What the telemetry plane counts since it was made; its parts count in it, and metrics read it. */
export class TelemetryCounts {
  ingestedSpans = 0;
  ingestedLogs = 0;
  /** Records that were refused one by one, and told to their sender by partial success. */
  rejectedSpans = 0;
  rejectedLogs = 0;
  /** Payloads that were refused whole and told to their sender, by reason. */
  readonly refusedPayloads = new Map<Reason, number>();
  /** Payloads that were made durable and cannot be read any more. */
  damagedPayloads = 0;
  /** Payloads in batches that the store refused for their own sake, again and again. */
  unwantedPayloads = 0;
  /** Bytes cut off the spool's files when it was opened. */
  tornBytes = 0;
  readonly insertSeconds = new Distribution(callSeconds);
  readonly insertedRows: Record<TelemetryTable, number> = { spans: 0, logs: 0 };
  /** Inserts that failed; they are tried again. */
  failedInserts = 0;
  /** Times that lifecycle spans could not be written; they are tried again. */
  failedProjections = 0;
  /** Attempts whose open spans stay open, as the store refuses to close them. */
  unclosedAttempts = 0;
  /** Times that the thread which decodes died; what it held is read back from the spool. */
  lostThreads = 0;

  /** Payloads that were acknowledged and are lost: never silent (P4). */
  get droppedPayloads(): number {
    return this.damagedPayloads + this.unwantedPayloads;
  }

  /** Notes payloads that were refused whole. */
  refused(reason: Reason, payloads: number): void {
    this.refusedPayloads.set(reason, (this.refusedPayloads.get(reason) ?? 0) + payloads);
  }

  /** Inserts a batch, and notes how long that took or that it failed. */
  async insert(store: Pick<SpanStore, "insert">, batch: InsertBatch): Promise<void> {
    const startedAtMs = performance.now();
    try {
      await store.insert(batch);
    } catch (error) {
      this.failedInserts++;
      throw error;
    }
    this.insertSeconds.record((performance.now() - startedAtMs) / 1_000);
    this.insertedRows[batch.table] += batch.rows;
  }
}
