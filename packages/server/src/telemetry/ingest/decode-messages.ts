import type { ErrorFacts, Reason } from "@spanloom/protocol";
import type { InsertBatch, TelemetryTable } from "../columnar/span-store.ts";
import type { IngestOutcome, OtlpPayload } from "../telemetry.ts";

/** What the thread that decodes is asked for. Every request but `recycle` is answered, in turn. */
export type DecodeRequest =
  /** Decode payloads that have just arrived into the open batch, and refuse records older than `days` before `nowUs`. */
  | { kind: "take"; payloads: readonly OtlpPayload[]; days: number; nowUs: number }
  /** Give the rows of the open batch. */
  | { kind: "seal" }
  /** Forget the rows of the open batch. */
  | { kind: "drop" }
  /** Decode payloads that were read from the spool, until the batch of these is full. */
  | { kind: "readBack"; payloads: readonly OtlpPayload[]; firstSeq: number }
  /** Give the rows of payloads that were read from the spool. */
  | { kind: "sealReadBack" }
  /** Use memory again. */
  | { kind: "recycle"; buffers: readonly SharedArrayBuffer[] };

/** Rows of a batch as they are inserted. Their bytes are in `buffers`, which may be used again after that. */
export interface BatchRows {
  inserts: readonly InsertBatch[];
  buffers: readonly SharedArrayBuffer[];
  bytes: number;
}

/** What became of payloads that arrived. */
export interface Taken extends IngestOutcome {
  acceptedSpans: number;
  acceptedLogs: number;
  /** The open batch, when these made it full; the next begins after them. */
  full?: BatchRows;
}

/** What became of payloads that were read from the spool. */
export interface ReadBackOutcome {
  /** How many were taken before the batch was full. */
  taken: number;
  isFull: boolean;
  damaged: readonly { seq: number; message: string }[];
}

/** Answers by request. */
export interface DecodeAnswers {
  take: Taken;
  seal: BatchRows;
  drop: undefined;
  readBack: ReadBackOutcome;
  sealReadBack: BatchRows;
}

/** An error as it travels from thread to thread. */
export interface DecodeError {
  reason: Reason;
  message: string;
  facts: ErrorFacts;
}

/** The answer to a request; a defect is told by its stack. */
export type DecodeReply = { answer: DecodeAnswers[keyof DecodeAnswers] } | { error: DecodeError } | { defect: string };

/** What the thread is started with. */
export interface DecodeSettings {
  /** Names the spool in a store that several write to; 0 where there is one alone. */
  writer: bigint;
  /** Number of the first payload that arrives. */
  nextSeq: number;
}

/** Tables in the order in which they are inserted. */
export const insertedTables: readonly TelemetryTable[] = ["spans", "logs"];
