import { create } from "@bufbuild/protobuf";
import {
  SpanloomError,
  type Telemetry as TelemetryMessage,
  type TelemetryRejection,
  TelemetryRejectionSchema,
} from "@spanloom/protocol";
import type { IngestOutcome, OtlpPayload, Telemetry, TelemetrySender } from "../telemetry/telemetry.ts";
import { countRecords } from "./record-count.ts";

/**
 * Makes a runner's telemetry durable, its times brought to the server's clock; never throws, as telemetry never fails the work (P4).
 *
 * What was refused, or dropped because the spool is full or broken, is told; undefined when all was taken.
 */
export async function ingestTelemetry(
  telemetry: Pick<Telemetry, "ingest" | "runnerTimes">,
  sender: TelemetrySender,
  { traces, logs }: TelemetryMessage,
): Promise<TelemetryRejection | undefined> {
  const payloads: OtlpPayload[] = [
    ...traces.map((bytes) => ({ signal: "traces" as const, bytes })),
    ...logs.map((bytes) => ({ signal: "logs" as const, bytes })),
  ];
  if (payloads.length === 0) return undefined;
  await telemetry.runnerTimes.correct(sender, payloads);
  return toRejection(await ingestAll(telemetry, payloads));
}

const NOTHING_REFUSED: IngestOutcome = { rejectedSpans: 0, rejectedLogs: 0, message: "" };

/** What was refused; `retryable` when it was all, and may be taken later. */
interface Refusal extends IngestOutcome {
  retryable?: boolean;
}

async function ingestAll(telemetry: Pick<Telemetry, "ingest">, payloads: readonly OtlpPayload[]): Promise<Refusal> {
  try {
    return await telemetry.ingest(payloads);
  } catch (error) {
    const isMalformed = error instanceof SpanloomError && error.reason === "INVALID_FIELD";
    // One malformed payload must not cost the others.
    if (isMalformed && payloads.length > 1) {
      const outcomes = await Promise.all(payloads.map((payload) => ingestAll(telemetry, [payload])));
      return outcomes.reduce(add, NOTHING_REFUSED);
    }
    // Told to the runner, and counted by the telemetry plane; the results go on.
    const message = error instanceof Error ? error.message : String(error);
    const retryable = error instanceof SpanloomError && error.retryable;
    return { ...countOf(payloads), message: message || "cannot store telemetry", retryable };
  }
}

/** All records of payloads as refused ones. */
function countOf(payloads: readonly OtlpPayload[]): IngestOutcome {
  const refused = { ...NOTHING_REFUSED };
  for (const { signal, bytes } of payloads) {
    if (signal === "traces") refused.rejectedSpans += countRecords(bytes);
    else refused.rejectedLogs += countRecords(bytes);
  }
  return refused;
}

function add(sum: IngestOutcome, one: IngestOutcome): IngestOutcome {
  return {
    rejectedSpans: sum.rejectedSpans + one.rejectedSpans,
    rejectedLogs: sum.rejectedLogs + one.rejectedLogs,
    message: sum.message || one.message,
  };
}

function toRejection({
  rejectedSpans,
  rejectedLogs,
  message,
  retryable = false,
}: Refusal): TelemetryRejection | undefined {
  if (rejectedSpans === 0 && rejectedLogs === 0 && message === "") return undefined;
  return create(TelemetryRejectionSchema, {
    rejectedSpans: BigInt(rejectedSpans),
    rejectedLogs: BigInt(rejectedLogs),
    message,
    retryable,
  });
}
