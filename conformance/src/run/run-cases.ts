import { CaseFailure, type FailureFacts } from "../cases/case-failure.ts";
import type { Case } from "../cases/suite.ts";
import type { CaseResult, Subject } from "./subject.ts";

/** A case in one variant. */
export interface CaseRun<Step> {
  case: Case<Step>;
  variant: string;
}

/** How cases are run. */
export interface RunOptions {
  /** Ends the run: cases that are under way end without a result, others do not begin. */
  signal: AbortSignal;
  /** Longest that one case may take, in milliseconds. */
  caseLimitMs: number;
  /** Told of each result as it comes. */
  onResult: (result: CaseResult) => void;
}

/** What a subject lacks that a case needs. */
export function lackOf<Step>(each: Case<Step>, { offers = [] }: Pick<Subject<Step>, "offers">): readonly string[] {
  return each.needs.filter((need) => !offers.includes(need));
}

/** Every selected case in each variant that it is for, slow ones first. */
export function runsOf<Step>(cases: readonly Case<Step>[], variants: readonly string[]): CaseRun<Step>[] {
  const inOrder = cases.toSorted((a, b) => Number(b.slow) - Number(a.slow));
  return inOrder.flatMap((each) =>
    variants
      .filter((variant) => each.variants.length === 0 || each.variants.includes(variant))
      .map((variant) => ({ case: each, variant })),
  );
}

/** Runs cases, as many at once as the subject allows; results come in the order of the runs. */
export async function runCases<Step>(
  subject: Subject<Step>,
  runs: readonly CaseRun<Step>[],
  options: RunOptions,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  let next = 0;
  const worker = async () => {
    while (next < runs.length && !options.signal.aborted) {
      const at = next++;
      const result = await runOne(subject, runs[at]!, options);
      // What was broken off says nothing of the subject.
      if (result.failure && options.signal.aborted) return;
      results[at] = result;
      options.onResult(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(subject.concurrency, runs.length) }, worker));
  return results.filter((result) => result !== undefined);
}

async function runOne<Step>(
  subject: Subject<Step>,
  { case: each, variant }: CaseRun<Step>,
  { signal, caseLimitMs }: RunOptions,
): Promise<CaseResult> {
  const { suite, name, proves, file, line } = each;
  const began = performance.now();
  const limit = AbortSignal.timeout(caseLimitMs);
  let failure: FailureFacts | undefined;
  try {
    await subject.runCase(each, variant, AbortSignal.any([signal, limit]));
  } catch (error) {
    failure = limit.aborted ? tooLong(line, caseLimitMs) : factsOf(error, line);
  }
  const durationMs = Math.round(performance.now() - began);
  return { suite, name, variant, proves, file, line, durationMs, ...(failure ? { failure } : {}) };
}

function tooLong(line: number, limitMs: number): FailureFacts {
  return { line, step: "the case", path: "", expected: `an end within ${limitMs} ms`, actual: undefined };
}

/** A defect of the case or of this program fails the case as well: nothing was proved. */
function factsOf(error: unknown, line: number): FailureFacts {
  if (error instanceof CaseFailure) return error.facts;
  const message = error instanceof Error ? error.message : String(error);
  return { line, step: "the case", path: "", expected: "steps that can be taken", actual: message };
}
