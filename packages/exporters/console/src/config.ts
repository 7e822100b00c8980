import {
  choiceOf,
  countOf,
  type Environment,
  type ExporterOptions,
  shapeOptionsOf,
  variableOf,
} from "@spanloom/exporter";

/** What the exporter writes to: `process.stdout`, a file stream, or anything that takes text. */
export interface TextSink {
  write(text: string): unknown;
  /** Whether it is a terminal, which shows colours. */
  readonly isTTY?: boolean;
}

/** How spans and log records are printed. */
export interface ConsoleExporterOptions extends ExporterOptions {
  /** Where to print. */
  readonly stream: TextSink;
  /** `tree` for people, `json` for one JSON object a line. Default `tree`. */
  readonly format?: "tree" | "json" | undefined;
  /** Use ANSI colours in trees. Default false: the caller knows its terminal. */
  readonly color?: boolean | undefined;
  /** Most spans kept back until their parent ends; the oldest are printed alone beyond it. Default 10,000. */
  readonly maxPendingSpans?: number | undefined;
}

/**
 * Options over `SPANLOOM_CONSOLE_FORMAT` (`tree`, `json`), `SPANLOOM_CONSOLE_MAX_PENDING_SPANS` and `NO_COLOR`. Without a
 * stream it is the process's standard output; a terminal is given colours unless `NO_COLOR` is set.
 *
 * Errors: INVALID_FIELD naming the variable that is malformed.
 */
export function consoleOptionsFromEnv(
  env: Environment,
  options: Partial<ConsoleExporterOptions> = {},
): ConsoleExporterOptions {
  const stream = options.stream ?? process.stdout;
  return {
    stream,
    format: options.format ?? choiceOf(variableOf(env, "SPANLOOM_CONSOLE_FORMAT"), ["tree", "json"]),
    color: options.color ?? (stream.isTTY === true && variableOf(env, "NO_COLOR") === undefined),
    maxPendingSpans: options.maxPendingSpans ?? countOf(variableOf(env, "SPANLOOM_CONSOLE_MAX_PENDING_SPANS"), "spans"),
    shape: shapeOptionsOf(env, options.shape),
  };
}
