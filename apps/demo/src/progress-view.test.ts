import type { JobSnapshot } from "@spanloom/sdk";
import { expect, test } from "vitest";
import { endedShare, ProgressView, progressLine } from "./progress-view.ts";

const none = { blocked: 0, scheduled: 0, queued: 0, running: 0, waiting: 0, succeeded: 0, failed: 0, cancelled: 0 };

function job(counts: Partial<JobSnapshot["counts"]>): JobSnapshot {
  return { state: "RUNNING", counts: { ...none, skipped: 0, ...counts } } as JobSnapshot;
}

function view(live: boolean) {
  const written: string[] = [];
  let nowMs = 0;
  const io = { write: (part: string) => void written.push(part), live, nowMs: () => nowMs, columns: 40 };
  return {
    view: new ProgressView(io),
    text: () => written.join(""),
    at: (ms: number) => {
      nowMs = ms;
    },
  };
}

test("a line tells the share of ended tasks and what the others do", () => {
  expect(progressLine(job({ succeeded: 1, running: 2, queued: 1 }))).toBe(
    "RUNNING    25 %  1/4 tasks  1 queued, 2 running, 1 succeeded",
  );
});

test("nothing has ended while only the root is known", () => {
  expect(endedShare(job({ running: 1 }))).toBe(0);
  expect(endedShare(job({ running: 1, succeeded: 3 }))).toBe(0.75);
});

test("without a terminal there is one plain line a second and one at the end, free of control characters", () => {
  const shown = view(false);
  shown.view.show(job({ running: 2 }));
  shown.at(500);
  shown.view.show(job({ running: 1, succeeded: 1 }));
  shown.view.end();
  expect(shown.text().split("\n").filter(Boolean)).toHaveLength(2);
  expect(shown.text()).not.toContain("\u001b");
});

test("on a terminal the line is rewritten in place and cut to the width", () => {
  const shown = view(true);
  shown.view.show(job({ running: 2, queued: 100, blocked: 1, succeeded: 5 }));
  expect(shown.text().startsWith("\r\u001b[K")).toBe(true);
  expect(shown.text().length).toBeLessThan(50);
  expect(shown.text()).not.toContain("\n");
});
