import { expect, test } from "vitest";
import { judge, type SoakSample } from "./verdict.ts";

const steady = (change: (at: number) => Partial<SoakSample> = () => ({})): SoakSample[] =>
  Array.from({ length: 181 }, (_, i) => ({
    atSec: i * 10,
    tasksPerSec: 1000,
    jobsOpen: 20,
    singleP50Ms: 3,
    singleP99Ms: 9,
    rssMb: { server: 600 + (i % 3), runner: 200, client: 150 },
    heapMb: { server: 80, runner: 40 },
    dataMb: i,
    ...change(i),
  }));

test("a steady soak holds", () => {
  expect(judge(steady(), 1000, [])).toMatchObject({ held: true, problems: [], maxJobsOpen: 20, meanTasksPerSec: 1000 });
});

test("memory that grows, a backlog, a lower rate and an error are each named", () => {
  const leak = judge(
    steady((i) => ({ heapMb: { server: 80 + i, runner: 40 } })),
    1000,
    [],
  );
  expect(leak.problems).toEqual([expect.stringMatching(/^server heap grew by \d+ % of its mean/)]);
  expect(
    judge(
      steady((i) => ({ jobsOpen: i * 40 })),
      1000,
      [],
    ).problems,
  ).toEqual(["7200 jobs were open at once"]);
  expect(judge(steady(), 1200, []).problems).toEqual(["only 1000 of 1200 tasks/s were done"]);
  expect(judge(steady(), 1000, ["boom"]).problems).toEqual(["error: boom"]);
});

test("growth while warming up is not held against it", () => {
  const warming = steady((i) => ({ rssMb: { server: Math.min(600, 300 + i * 10), runner: 200, client: 1 } }));
  expect(judge(warming, 1000, []).held).toBe(true);
});
