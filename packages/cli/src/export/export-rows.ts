import type { Exporter } from "@spanloom/exporter";
import type { QueryClient, TimePoint } from "@spanloom/query";
import type { CliContext } from "../cli-context.ts";
import { type SharedFilterFlags, sharedConditions } from "../filters/shared-filter.ts";
import { ProgressLine } from "../progress-line.ts";
import { readOtlp } from "./read-otlp.ts";
import type { ExportPosition, ResumeFile } from "./resume-file.ts";
import { sendBatch } from "./send-batch.ts";

/** What `export --json` prints. */
export interface ExportOutcome {
  /** The exporter. */
  exporter: string;
  /** Where it sends; empty when it does not tell. */
  destination: string;
  spans: number;
  logRecords: number;
  /** Records that the backend refused although it took the rest. */
  rejected: number;
  /** Its words on the first of them; empty when it refused none. */
  refusal: string;
}

/** What is exported. */
export type ExportKind = "spans" | "logs";

/** An outcome that nothing has been sent for. */
export function nothingSent({ name, destination = "" }: Exporter): ExportOutcome {
  return { exporter: name, destination, spans: 0, logRecords: 0, rejected: 0, refusal: "" };
}

/** What to export and where to. */
export interface ExportOptions {
  client: QueryClient;
  jobs: readonly string[];
  flags: SharedFilterFlags;
  kinds: readonly ExportKind[];
  exporter: Exporter;
  retryMs: number;
  resume: ResumeFile;
  context: CliContext;
}

/** How often progress is told and kept. */
const EVERY_MS = 250;

/**
 * Sends what is stored to an exporter, spans by their start and log records by their time, a batch at a time: a slow backend
 * slows the reading down.
 *
 * `outcome` counts as it goes, so that it holds after an error, too; how far it came is kept for the next run.
 *
 * Errors: as queries; OperationError of a backend that does not take it.
 */
export async function exportRows(options: ExportOptions, outcome: ExportOutcome): Promise<void> {
  const { resume, kinds } = options;
  const position = await resume.read(options.context.nowMs());
  const line = new ProgressLine(options.context, { transient: true });
  try {
    for (const kind of kinds) await exportKind(kind, options, { outcome, position, line });
  } catch (error) {
    await resume.write(position);
    throw error;
  } finally {
    line.end();
  }
  await resume.remove();
}

interface Progress {
  outcome: ExportOutcome;
  position: ExportPosition;
  line: ProgressLine;
}

async function exportKind(kind: ExportKind, options: ExportOptions, progress: Progress): Promise<void> {
  const { exporter, retryMs, context } = options;
  const { outcome, position, line } = progress;
  const { signal, nowMs } = context;
  const onRetry = (message: string) => line.show(`trying again: ${message}`);
  const send = { exporter, retryMs, signal, nowMs, random: Math.random, onRetry };
  let toldMs = nowMs();
  for await (const piece of rowsOf(kind, options, position)) {
    const { batch, records, lastNs } = readOtlp(String(piece));
    const rejected = await sendBatch(batch, send);
    outcome[kind === "spans" ? "spans" : "logRecords"] += records;
    outcome.rejected += rejected.spans + rejected.logRecords;
    outcome.refusal ||= rejected.message;
    position[kind] = lastNs;
    if (nowMs() - toldMs < EVERY_MS) continue;
    toldMs = nowMs();
    line.show(`${outcome.spans} spans, ${outcome.logRecords} log records sent`);
    await options.resume.write(position);
  }
}

/** Ended spans or log records as lines of OTLP, from a point in time on. */
function rowsOf(kind: ExportKind, { client, jobs, flags, context }: ExportOptions, position: ExportPosition) {
  const { start, ...others } = sharedConditions(flags, jobs, position.beganMs);
  const from: TimePoint | undefined = position[kind] ?? start?.from;
  const range = { ...start, ...(from !== undefined && { from }) };
  const conditions = { ...others, ...(Object.keys(range).length > 0 && { start: range }) };
  const { signal } = context;
  if (kind === "logs") return client.logs(conditions).encode("otlp.jsonl", { signal });
  return client.spans({ ...conditions, open: false }).encode("otlp.jsonl", { signal });
}
