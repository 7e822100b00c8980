import type { Json } from "./template.ts";

/** What a case that fails tells. */
export interface FailureFacts {
  /** Line of the step in the case file. */
  line: number;
  /** What was done, e.g. `JobService.GetJob`. */
  step: string;
  /** Path into the answer. */
  path: string;
  /** What was expected there. */
  expected: string;
  /** What came; undefined when nothing did. */
  actual: Json | undefined;
  /** What the subject printed meanwhile, where that can be told. */
  output?: string;
}

/** A promise that was not kept: the subject's fault, as far as a case can tell. */
export class CaseFailure extends Error {
  override readonly name = "CaseFailure";
  readonly facts: FailureFacts;

  constructor(facts: FailureFacts) {
    super(`${facts.step}: expected ${facts.path === "" ? "" : `${facts.path} to be `}${facts.expected}`);
    this.facts = facts;
  }
}
