import type { ParseArgsOptionsConfig } from "node:util";
import type { Subject, SubjectKind } from "../run/subject.ts";

/** Where output goes. */
export interface ConformanceOutput {
  write(text: string): void;
  /** Whether a terminal shows it, so that progress may be drawn over itself. */
  isTTY: boolean;
}

/** What the program is run with. */
export interface ConformanceContext {
  stdout: ConformanceOutput;
  stderr: ConformanceOutput;
  env: Readonly<Record<string, string | undefined>>;
  /** Ends the run. */
  signal: AbortSignal;
}

/** Values of options, by name. */
export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** What a subcommand needs to reach its subject. */
export interface ConnectOptions {
  values: OptionValues;
  /** What stood after `--`. */
  rest: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Every time limit is multiplied by it. */
  patience: number;
  /** Ends the run. */
  signal: AbortSignal;
}

/** A subcommand: a kind of subject, and how to reach one. */
export interface Command<Step> {
  kind: SubjectKind<Step>;
  /** Its first line of help, after `spanloom-conformance`. */
  usage: string;
  /** Lines of help about its own options. */
  help: readonly string[];
  /** Its own options, beside those that all commands have. */
  options: ParseArgsOptionsConfig;
  /**
   * Reaches the subject; the caller disposes of it.
   *
   * Errors: UsageError for options that make no sense, or when the subject cannot be reached.
   */
  connect(options: ConnectOptions): Promise<Subject<Step>>;
}

/** What a user has to change: told by its message alone, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Texts of an option that may be repeated or given with commas. */
export function listOf(value: OptionValues[string]): string[] {
  const texts = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return texts.flatMap((text) => String(text).split(",")).filter((text) => text !== "");
}
