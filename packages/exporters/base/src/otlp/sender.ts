import type { ExportLogsServiceRequest, ExportTraceServiceRequest } from "@spanloom/protocol/otlp";
import type { ExportResult } from "../export-result.ts";

/** What became of one request: as of a batch, or it was larger than the endpoint takes. */
export type SendResult = ExportResult | { readonly outcome: "too large"; readonly message: string };

/** Sends one signal to one endpoint over one protocol. */
export interface Sender<Request> {
  /** Never rejects. */
  send(request: Request): Promise<SendResult>;
  /** Ends what is under way. */
  close(): void;
}

/** A sender of spans. */
export type TracesSender = Sender<ExportTraceServiceRequest>;

/** A sender of log records. */
export type LogsSender = Sender<ExportLogsServiceRequest>;

/** What an endpoint says it did not take, of whichever signal. */
export interface PartialSuccess {
  readonly rejected: bigint;
  readonly message: string;
}

/** The result of a request that was taken, but for what `partial` says. A rejection of none is a warning only. */
export function takenBut(signal: "traces" | "logs", partial: PartialSuccess | undefined): ExportResult {
  if (!partial || partial.rejected <= 0n) return { outcome: "exported" };
  const count = Number(partial.rejected);
  const counts = signal === "traces" ? { spans: count, logRecords: 0 } : { spans: 0, logRecords: count };
  return { outcome: "exported", rejected: { ...counts, message: partial.message } };
}
