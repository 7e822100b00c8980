import type { Tone } from "./color.ts";
import type { SpanDrawing, SpanLine } from "./span-lines.ts";

/** Outcomes worth a word; failure shows as a cross, success goes without saying. */
const spokenOutcomes: ReadonlySet<string> = new Set(["timeout", "cancelled", "lost", "released", "skipped"]);

/** The name of a span with what is remarkable about it. */
export function spanLabel({ name, type, attempt, error, open, outcome }: SpanLine): string {
  const marks = [
    ...(type === "attempt" && attempt > 1 ? [`#${attempt}`] : []),
    ...(error ? ["✗"] : []),
    ...(spokenOutcomes.has(outcome) ? [outcome] : []),
    ...(open ? ["(open)"] : []),
  ];
  return [name === "" ? "(no name)" : name, ...marks].join(" ");
}

/** What colour a span has. */
export function spanTone({ type, error, open }: SpanLine): Tone {
  if (error) return "error";
  return open ? "open" : type;
}

/** What was counted, for a headline: "42 spans, 3 errors, 1 open". */
export function countText({ spans, errors, open }: Pick<SpanDrawing, "spans" | "errors" | "open">): string {
  return [
    plural(spans, "span"),
    ...(errors > 0 ? [plural(errors, "error")] : []),
    ...(open > 0 ? [`${open.toLocaleString("en")} open`] : []),
  ].join(", ");
}

/** The last line of a drawing that does not show everything; empty when it does. */
export function hiddenText({ hidden, hiddenErrors }: SpanDrawing): string {
  if (hidden === 0) return "";
  const errors = hiddenErrors > 0 ? `, ${hiddenErrors.toLocaleString("en")} with errors` : "";
  return `… ${hidden.toLocaleString("en")} more${errors}`;
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
