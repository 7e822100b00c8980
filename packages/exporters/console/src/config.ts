import type { ExporterOptions } from "@spanloom/exporter";

/** What the exporter writes to: `process.stdout`, a file stream, or anything that takes text. */
export interface TextSink {
  write(text: string): unknown;
}

/** How spans and log records are printed. */
export interface ConsoleExporterOptions extends ExporterOptions {
  /** Where to print. */
  readonly stream: TextSink;
  /** `tree` for people, `json` for one JSON object a line. Default `tree`. */
  readonly format?: "tree" | "json";
  /** Use ANSI colours in trees. Default false: the caller knows its terminal. */
  readonly color?: boolean;
  /** Most spans kept back until their parent ends; the oldest are printed alone beyond it. Default 10,000. */
  readonly maxPendingSpans?: number;
}
