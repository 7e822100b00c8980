import { setTimeout as sleep } from "node:timers/promises";
import {
  type Exporter,
  type ExportResult,
  nextRetryDelayMs,
  type RejectedRecords,
  type RetryPolicy,
  splitBatch,
  type TelemetryBatch,
} from "@spanloom/exporter";
import { OperationError } from "../cli-context.ts";

/** What is given at a time. */
const PART = { maxRecords: 512, maxBytes: 4 * 1024 ** 2 };

/** How to send. */
export interface SendOptions {
  exporter: Exporter;
  /** How long a part is tried before it is given up, milliseconds. */
  retryMs: number;
  signal: AbortSignal;
  nowMs: () => number;
  /** Numbers from 0 up to 1. */
  random: () => number;
  /** Told why a part is tried again, each time. */
  onRetry: (message: string) => void;
}

/**
 * Gives a batch to an exporter, in parts, until its backend took them; gives what it refused of parts it took.
 *
 * Errors: OperationError when the backend refuses a part for good, or takes none for too long; the signal's reason.
 */
export async function sendBatch(batch: TelemetryBatch, options: SendOptions): Promise<RejectedRecords> {
  const shaped = options.exporter.shape?.(batch) ?? batch;
  const refused = { spans: 0, logRecords: 0, message: "" };
  for (const part of splitBatch(shaped, PART)) {
    const rejected = await sendPart(part.batch, options);
    refused.spans += rejected?.spans ?? 0;
    refused.logRecords += rejected?.logRecords ?? 0;
    refused.message ||= rejected?.message ?? "";
  }
  return refused;
}

async function sendPart(batch: TelemetryBatch, options: SendOptions): Promise<RejectedRecords | undefined> {
  const { exporter, retryMs, signal, nowMs, random, onRetry } = options;
  const policy: RetryPolicy = { initialDelayMs: 500, factor: 2, maxDelayMs: 10_000, maxElapsedMs: retryMs };
  const beganMs = nowMs();
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    const result = await call(exporter, batch);
    if (result.outcome === "exported") return result.rejected;
    const { name } = exporter;
    if (result.outcome === "failed") throw new OperationError(`cannot export to ${name}: ${result.message}`);
    const delayMs = nextRetryDelayMs(policy, { failures, random: random(), retryAfterMs: result.retryAfterMs });
    if (nowMs() - beganMs + delayMs > policy.maxElapsedMs)
      throw new OperationError(`cannot export to ${name}, tried ${failures} times: ${result.message}`);
    onRetry(result.message);
    await sleep(delayMs, undefined, { signal });
  }
}

async function call(exporter: Exporter, batch: TelemetryBatch): Promise<ExportResult> {
  try {
    return await exporter.export(batch);
  } catch (error) {
    // The contract lets an exporter reject.
    return { outcome: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}
