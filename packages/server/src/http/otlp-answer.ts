import { create, type DescMessage, type MessageShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { type Reason, SpanloomError } from "@spanloom/protocol";
import { ExportLogsServiceResponseSchema, ExportTraceServiceResponseSchema } from "@spanloom/protocol/otlp";
import { type Log, toWireError } from "../rpc/error-interceptor.ts";
import type { SelfTracer } from "../self-tracing/self-tracer.ts";
import type { IngestOutcome, OtlpPayload, Telemetry } from "../telemetry/telemetry.ts";
import type { Authorize } from "./authorization.ts";
import type { CallDurations } from "./call-durations.ts";

/** What the OTLP endpoints need. */
export interface OtlpOptions {
  telemetry: Pick<Telemetry, "ingest">;
  authorize: Authorize;
  maxRequestBytes: number;
  log: Log;
  calls: CallDurations;
  tracer?: SelfTracer | undefined;
}

/** How messages are written. */
export type OtlpFormat = "protobuf" | "json";

/** Reasons to try again later: the payload is sound and the server cannot take it now. */
const transient: ReadonlySet<Reason> = new Set(["OVERLOADED", "TELEMETRY_UNAVAILABLE", "SHUTTING_DOWN"]);

const DEFAULT_RETRY_AFTER_MS = 1_000;

/** How long a sender shall wait before it sends the same again; undefined when it shall not. */
export function retryAfterMs(error: SpanloomError): number | undefined {
  return transient.has(error.reason) ? (error.facts.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS) : undefined;
}

/** Any failure as one of the catalogue; defects are logged. */
export function toOtlpError(error: unknown, log: Log): SpanloomError {
  const { cause } = toWireError(error, log, "OTLP ingest");
  return cause instanceof SpanloomError ? cause : new SpanloomError("INTERNAL", "cannot take telemetry", {}, { cause });
}

/** The answer to a payload that was taken, with what was refused of it as partial success. */
export function encodeAnswer(signal: OtlpPayload["signal"], format: OtlpFormat, outcome: IngestOutcome): Uint8Array {
  const { rejectedSpans, rejectedLogs, message } = outcome;
  if (signal === "traces") {
    const partial = rejectedSpans > 0 && {
      partialSuccess: { rejectedSpans: BigInt(rejectedSpans), errorMessage: message },
    };
    const schema = ExportTraceServiceResponseSchema;
    return encode(schema, create(schema, { ...partial }), format);
  }
  const partial = rejectedLogs > 0 && {
    partialSuccess: { rejectedLogRecords: BigInt(rejectedLogs), errorMessage: message },
  };
  const schema = ExportLogsServiceResponseSchema;
  return encode(schema, create(schema, { ...partial }), format);
}

function encode<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>, format: OtlpFormat): Uint8Array {
  return format === "json" ? new TextEncoder().encode(toJsonString(schema, message)) : toBinary(schema, message);
}
