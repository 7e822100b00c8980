import type { JudgedResult, KnownFailure } from "../run/known-failures.ts";
import { countOutcomes } from "./text-report.ts";

/** The report for programs: `subject`, `counts` by outcome, every result, and entries of the list that name nothing. */
export function jsonReport(subject: string, results: readonly JudgedResult[], stray: readonly KnownFailure[]): string {
  return `${JSON.stringify({ subject, counts: countOutcomes(results), results, stray }, undefined, 2)}\n`;
}
