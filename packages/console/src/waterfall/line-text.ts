import { durationText } from "../text/duration-text.ts";
import { COLLAPSED, ENDED_EARLY, ERROR, ERROR_BELOW, OPEN, PARENT, typeOf } from "./span-facts.ts";
import type { Lines } from "./visible-lines.ts";

/** What a span waited for, in words. */
export function waitTexts(lines: Pick<Lines, "blockedMs" | "backoffMs" | "queuedMs">, line: number): string[] {
  return (
    [
      ["blocked", lines.blockedMs[line]!],
      ["in backoff", lines.backoffMs[line]!],
      ["queued", lines.queuedMs[line]!],
    ] as const
  )
    .filter(([, ms]) => ms > 0)
    .map(([what, ms]) => `${what} ${durationText(ms)}`);
}

/** What a line shows, in a sentence for who cannot see it. `now` is where open spans end. */
export function lineText(lines: Lines, line: number, { name, now }: { name: string; now: number }): string {
  const facts = lines.facts[line]!;
  const end = Number.isNaN(lines.end[line]!) ? now : lines.end[line]!;
  const type = typeOf(facts);
  const attempt = type === "attempt" ? `attempt ${lines.attempt[line]}` : type === "user" ? "" : type;
  return [
    name,
    attempt,
    stateText(facts),
    durationText(Math.max(0, end - lines.start[line]!) / 1e6),
    ...waitTexts(lines, line),
    (facts & COLLAPSED) === 0 ? "" : `${lines.below[line]!.toLocaleString("en")} spans folded away`,
    (facts & (COLLAPSED | ERROR_BELOW)) === (COLLAPSED | ERROR_BELOW) ? "something below failed" : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}

function stateText(facts: number): string {
  if ((facts & ERROR) !== 0) return "failed";
  if ((facts & (OPEN | PARENT)) === OPEN && typeOf(facts) === "task") return "waiting";
  if ((facts & OPEN) !== 0) return "open";
  return (facts & ENDED_EARLY) !== 0 ? "ended early" : "";
}
