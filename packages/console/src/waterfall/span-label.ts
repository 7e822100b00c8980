import { COLLAPSED, ERROR, ERROR_BELOW, typeOf } from "./span-facts.ts";
import type { Lines } from "./visible-lines.ts";

/** What a line is called: a mark of failure, its name, and what else is to be known of it. */
export interface SpanLabel {
  mark: string;
  name: string;
  rest: string;
}

/** Longest name that is drawn: no column is wider, and a text of kilobytes would cost frames. */
const MOST_LETTERS = 200;

/** The label of a line. */
export function spanLabel(lines: Pick<Lines, "facts" | "attempt" | "below">, line: number, name: string): SpanLabel {
  const facts = lines.facts[line]!;
  const folded = (facts & COLLAPSED) !== 0;
  const attempt = lines.attempt[line]! > 1 && typeOf(facts) === "attempt" ? ` #${lines.attempt[line]}` : "";
  return {
    mark: (facts & ERROR) !== 0 ? "✗ " : folded && (facts & ERROR_BELOW) !== 0 ? "! " : "",
    name: name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS)}…` : name,
    rest: `${attempt}${folded ? `  +${lines.below[line]!.toLocaleString("en")}` : ""}`,
  };
}
