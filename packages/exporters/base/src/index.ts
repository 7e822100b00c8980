// For users.

// For exporters.
export { type BatchSize, batchSize } from "./batch-size.ts";
export { ExportQueue, type ExportQueueOptions, type ExportQueueStats } from "./export-queue.ts";
export { type ExportResult, exported, type RejectedRecords } from "./export-result.ts";
export type { Exporter, TelemetryBatch } from "./exporter.ts";
export type { QueueClock } from "./queue-clock.ts";
export { nextRetryDelayMs, type RetryPolicy } from "./retry-delay.ts";
export { type PartLimits, splitBatch } from "./split-batch.ts";
