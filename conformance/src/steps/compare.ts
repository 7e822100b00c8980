import type { CallOutcome } from "../calls/call.ts";
import { CaseFailure } from "../cases/case-failure.ts";
import type { Json } from "../cases/template.ts";
import { match } from "../match/match.ts";
import { type Scope, select } from "../match/scope.ts";
import type { Expectation } from "./step.ts";

/** A step as a failure names it. */
export interface NamedStep extends Expectation {
  line: number;
  name: string;
}

/** How an outcome differs from what a step expects; undefined when it does not. */
export function difference(step: NamedStep, outcome: CallOutcome, scope: Scope): CaseFailure | undefined {
  const fail = (path: string, expected: string, actual: Json | undefined) =>
    new CaseFailure({ line: step.line, step: step.name, path, expected, actual });
  if (step.error && "answer" in outcome) return fail("", "an error", outcome.answer);
  if (!step.error && "error" in outcome) return fail("", "an answer, no error", outcome.error);
  const actual = "error" in outcome ? outcome.error : outcome.answer;
  const expected = step.error ?? step.expect;
  const found = expected && match(expected, actual, scope);
  return found && fail(found.path, found.expected, found.actual);
}

/** Keeps parts of an answer in variables. */
export function saveFrom(step: NamedStep, actual: Json, scope: Scope): void {
  for (const [name, path] of step.save) {
    const value = path === "." ? actual : select(actual, path);
    if (value === undefined)
      throw new CaseFailure({ line: step.line, step: step.name, path, expected: "there", actual });
    scope.set(name, value);
  }
}
