/** What a span is, in one byte of a column: its type in the low bits, and marks. */
export const spanTypes = ["user", "job", "task", "attempt"] as const;

export type SpanTypeName = (typeof spanTypes)[number];

export const TYPE_BITS = 0b11;
/** It failed. */
export const ERROR = 0b0000_0100;
/** It has not ended. */
export const OPEN = 0b0000_1000;
/** It was cancelled, skipped or released: over, neither well nor failed. */
export const ENDED_EARLY = 0b0001_0000;
/** Something below it failed. */
export const ERROR_BELOW = 0b0010_0000;
/** It has children. */
export const PARENT = 0b0100_0000;
/** Its children are hidden. */
export const COLLAPSED = 0b1000_0000;

/** Outcomes that are failures, whatever the status says: a lost attempt has no code that could have set it. */
const failures = new Set(["failure", "timeout", "lost"]);
const early = new Set(["cancelled", "skipped", "released"]);

/** What a span is, from the text of its columns. */
export function spanFacts(span: { type: string; status: string; outcome: string; open: boolean }): number {
  const type = Math.max(0, spanTypes.indexOf(span.type as SpanTypeName));
  const failed = span.status === "ERROR" || failures.has(span.outcome);
  return type | (failed ? ERROR : 0) | (span.open ? OPEN : 0) | (early.has(span.outcome) ? ENDED_EARLY : 0);
}

/** The type of a span. */
export function typeOf(facts: number): SpanTypeName {
  return spanTypes[facts & TYPE_BITS]!;
}
