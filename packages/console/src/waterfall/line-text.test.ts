import { expect, it } from "vitest";
import { lineText } from "./line-text.ts";
import { COLLAPSED, ENDED_EARLY, ERROR, ERROR_BELOW, OPEN, PARENT } from "./span-facts.ts";
import { spanLabel } from "./span-label.ts";
import { emptyLines, type Lines } from "./visible-lines.ts";

function line(fields: Partial<Record<keyof Lines, number>>): Lines {
  const lines = emptyLines(1);
  for (const [name, value] of Object.entries(fields)) (lines[name as keyof Lines] as Float64Array)[0] = value;
  return lines;
}
const attempt = 3;
const told = (fields: Partial<Record<keyof Lines, number>>) => lineText(line(fields), 0, { name: "work", now: 5e9 });

it("tells what a line shows in a sentence", () => {
  expect(told({ facts: attempt | ERROR, attempt: 2, end: 3e6, queuedMs: 40, backoffMs: 200 })).toBe(
    "work, attempt 2, failed, 3ms, in backoff 200ms, queued 40ms",
  );
  expect(told({ facts: OPEN, end: Number.NaN })).toBe("work, open, 5.0s");
  expect(told({ facts: 2 | OPEN, end: Number.NaN })).toBe("work, task, waiting, 5.0s");
  expect(told({ facts: 2 | ENDED_EARLY, blockedMs: 7 })).toBe("work, task, ended early, 0ms, blocked 7ms");
  expect(told({ facts: 1 | PARENT | COLLAPSED | ERROR_BELOW, below: 1_200 })).toBe(
    "work, job, 0ms, 1,200 spans folded away, something below failed",
  );
});

it("marks a failure and one that is folded away, and counts tries and what is hidden", () => {
  const label = (fields: Partial<Record<keyof Lines, number>>, name = "work") => spanLabel(line(fields), 0, name);
  expect(label({ facts: attempt | ERROR, attempt: 2 })).toEqual({ mark: "✗ ", name: "work", rest: " #2" });
  expect(label({ facts: attempt, attempt: 1 }).rest).toBe("");
  expect(label({ facts: COLLAPSED | ERROR_BELOW, below: 1_200 })).toMatchObject({ mark: "! ", rest: "  +1,200" });
  expect(label({ facts: ERROR_BELOW }).mark).toBe("");
  expect(label({}, "x".repeat(10_000)).name).toHaveLength(201);
});
