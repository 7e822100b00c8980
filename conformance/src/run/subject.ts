import type { FailureFacts } from "../cases/case-failure.ts";
import type { Case, Suite } from "../cases/suite.ts";

/** What is tested: one server, or one runner. */
export interface Subject<Step> extends AsyncDisposable {
  /** What it is, for people: an address, a command. */
  name: string;
  /** Ways in which each case is run, e.g. the protocols; at least one. */
  variants: readonly string[];
  /** What cases may need of it, e.g. `token`; absent is nothing. */
  offers?: readonly string[];
  /** Cases that may run at once. */
  concurrency: number;
  /**
   * Runs one case in one variant.
   *
   * Errors: CaseFailure when a promise was not kept; anything else counts as a failure, too, told by its message.
   * Concurrency: up to `concurrency` at once.
   */
  runCase(each: Case<Step>, variant: string, signal: AbortSignal): Promise<void>;
}

/** A kind of subject, as the command line knows it. */
export interface SubjectKind<Step> {
  /** Name of the subcommand, and of its folder of suites. */
  name: string;
  /** Reads its suites; the folder is that of its `.yaml` files. Errors: CaseFileError. */
  readSuites(folder: string): readonly Suite<Step>[];
}

/** What came of one case in one variant. */
export interface CaseResult {
  suite: string;
  name: string;
  variant: string;
  proves: readonly string[];
  /** Path and line of the case. */
  file: string;
  line: number;
  durationMs: number;
  /** Why it failed; absent when it passed. */
  failure?: FailureFacts;
}
