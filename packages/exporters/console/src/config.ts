import { choiceFrom, countFrom, type ExporterOptions, type OptionVariables } from "@spanloom/exporter";

/** What the exporter writes to: `process.stdout`, a file stream, or anything that takes text. */
export interface TextSink {
  write(text: string): unknown;
  /** Whether it is a terminal, which shows colours. */
  readonly isTTY?: boolean | undefined;
  /** Characters that fit on a line of the terminal. */
  readonly columns?: number | undefined;
}

/** How spans and log records are printed. */
export interface ConsoleOptions extends ExporterOptions {
  /** Where to print. Default: standard output. */
  readonly stream?: TextSink | undefined;
  /** `tree` for people, `json` for one JSON object a line. Default `tree`. */
  readonly format?: "tree" | "json" | undefined;
  /** Use ANSI colours in trees. Default: on a terminal, unless the variable `NO_COLOR` is set. */
  readonly color?: boolean | undefined;
  /** Most spans kept back until their parent ends; the oldest are printed alone beyond it. Default 10,000. */
  readonly maxPendingSpans?: number | undefined;
}

/** The variables of {@link ConsoleOptions}; any value of `NO_COLOR` means no colours. */
export const consoleVariables: OptionVariables<ConsoleOptions> = {
  format: choiceFrom(["tree", "json"], "SPANLOOM_CONSOLE_FORMAT"),
  color: { names: ["NO_COLOR"], read: () => false },
  maxPendingSpans: countFrom("spans", "SPANLOOM_CONSOLE_MAX_PENDING_SPANS"),
};
