import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { criticalPath, type Segment } from "./critical-path.ts";
import { type PathJob, type PathTask, Siblings } from "./path-task.ts";
import { cutAt, simulateJob, type TaskPlan } from "./testing/simulate-job.ts";

/** I1: from the job's start to its end, without gap or overlap. */
function expectWhole(segments: readonly Segment[], durationUs: number): void {
  let atUs = 0;
  // One expectation for all: each costs 10 us, and there may be 200,000 segments.
  const wrong = segments.filter(({ fromUs, toUs }) => {
    const follows = fromUs === atUs && toUs > fromUs;
    atUs = toUs;
    return !follows;
  });
  expect(wrong).toEqual([]);
  expect(atUs).toBe(durationUs);
  expect(segments.reduce((sum, { fromUs, toUs }) => sum + toUs - fromUs, 0)).toBe(durationUs);
}

const us = (max: number) => fc.integer({ min: 0, max });
// Attempts take some time: those that take none let the waits around them look like one.
const attempt = fc.record({ backoffUs: us(50), queuedUs: us(5), runUs: fc.integer({ min: 1, max: 30 }) });
const attempts = fc
  .tuple(attempt, fc.array(attempt, { maxLength: 3 }))
  .map(([first, rest]): TaskPlan["attempts"] => [first, ...rest]);
const { plans } = fc.letrec<{ plans: TaskPlan[] }>((tie) => ({
  plans: fc.array(
    fc.record({
      attempts,
      after: fc.array(fc.nat(20), { maxLength: 3 }),
      children: fc.oneof({ maxDepth: 3, depthSize: "small" }, fc.constant([]), tie("plans")),
    }),
    { maxLength: 6 },
  ),
}));

describe("criticalPath", () => {
  it("explains every moment of a job that lost no time between its phases by what went on then", () => {
    fc.assert(
      fc.property(plans, (jobPlans) => {
        const simulated = simulateJob(jobPlans);
        const segments = criticalPath(simulated.job);
        expectWhole(segments, simulated.job.endedUs);
        expectTrue(segments, simulated.tasks, simulated.job.endedUs);
      }),
      { numRuns: 500 },
    );
  });

  it("explains a job that has not ended up to now", () => {
    fc.assert(
      fc.property(plans, fc.double({ min: 0, max: 1, noNaN: true }), (jobPlans, share) => {
        const simulated = simulateJob(jobPlans);
        const nowUs = Math.floor(simulated.job.endedUs * share);
        const segments = criticalPath(cutAt(simulated, nowUs));
        expectWhole(segments, nowUs);
        expectTrue(segments, simulated.tasks, nowUs);
      }),
      { numRuns: 500 },
    );
  });

  it("sums to the job's duration whatever its spans say", () => {
    fc.assert(
      fc.property(fc.array(oddTask, { maxLength: 30 }), us(1_000), (tasks, endedUs) => {
        expectWhole(criticalPath(oddJob(tasks, endedUs)), endedUs);
      }),
      { numRuns: 1_000 },
    );
  });

  it("goes through tasks that nest or follow each other a hundred thousand times", () => {
    const leaf = (children: TaskPlan[]): TaskPlan => {
      return { attempts: [{ backoffUs: 0, queuedUs: 1, runUs: 1 }], after: [], children };
    };
    const depth = 2_000;
    let nested: TaskPlan[] = [];
    for (let i = 0; i < depth; i++) nested = [leaf(nested)];
    expect(criticalPath(simulateJob(nested).job)).toHaveLength(2 * depth);
    const chain = chainOf(100_000);
    expect(criticalPath(chain)).toHaveLength(200_000);
    expectWhole(criticalPath(chain), chain.endedUs);
  });

  it("tells what failed, not what was skipped for it at the same moment", () => {
    const { job } = simulateJob([{ attempts: [{ backoffUs: 0, queuedUs: 2, runUs: 8 }], after: [], children: [] }]);
    const { roots } = job;
    const failed = roots.tasks[0]!;
    for (const row of [90, 91]) {
      const none = { attempts: [], unblockedUs: undefined, lastQueuedUs: undefined, lastRetryUs: undefined };
      const skipped = { ...failed, ...none, row, children: new Siblings() };
      if (row === 90) roots.tasks.unshift(skipped);
      else roots.tasks.push(skipped);
    }
    expect(criticalPath(job).map(({ kind, row }) => [kind, row])).toEqual([
      ["queued", failed.row],
      ["running", failed.attempts[0]!.row],
    ]);
  });
});

/** Each segment is what its span did then, and only whole attempts are on the path of an ended job. */
function expectTrue(segments: readonly Segment[], tasks: readonly PathTask[], endUs: number): void {
  const runs = new Map(tasks.flatMap((task) => task.attempts.map((each) => [each.row, each])));
  const byRow = new Map(tasks.map((task) => [task.row, task]));
  for (const { kind, row, fromUs, toUs } of segments) {
    if (kind === "running") {
      const run = runs.get(row)!;
      expect([fromUs, toUs]).toEqual([run.leasedUs, Math.min(run.endedUs, endUs)]);
      continue;
    }
    expect(["queued", "backoff"]).toContain(kind);
    const waits = byRow.get(row)!.attempts.some(({ leasedUs, queuedUs, backoffUs }) => {
      const readyUs = leasedUs - queuedUs;
      const [from, to] = kind === "queued" ? [readyUs, leasedUs] : [readyUs - backoffUs, readyUs];
      return from === fromUs && Math.min(to, endUs) === toUs;
    });
    expect(waits).toBe(true);
  }
}

const oddTime = fc.integer({ min: -50, max: 1_050 });
const openTime = fc.oneof(oddTime, fc.constant(Number.POSITIVE_INFINITY));
const oddTask = fc.record({
  parent: fc.nat(30),
  createdUs: oddTime,
  endedUs: openTime,
  unblockedUs: fc.option(oddTime, { nil: undefined }),
  lastQueuedUs: fc.option(oddTime, { nil: undefined }),
  lastRetryUs: fc.option(oddTime, { nil: undefined }),
  attempts: fc.array(fc.record({ queuedUs: oddTime, backoffUs: oddTime, leasedUs: oddTime, endedUs: openTime }), {
    maxLength: 3,
  }),
});

/** Tasks under the job or an earlier task, with times that need not make sense. */
function oddJob(odd: readonly (typeof oddTask extends fc.Arbitrary<infer T> ? T : never)[], endedUs: number): PathJob {
  const roots = new Siblings();
  const tasks: PathTask[] = [];
  for (const [i, { parent, attempts: runs, ...times }] of odd.entries()) {
    const siblings = parent % (i + 1) === 0 ? roots : tasks[(parent % (i + 1)) - 1]!.children;
    const row = i * 10 + 1;
    const placed = runs.map((run, n) => ({ ...run, row: row + n + 1, number: n + 1 }));
    const task: PathTask = {
      row,
      ...times,
      attempts: placed,
      children: new Siblings(),
      siblings,
      dependencies: undefined,
    };
    siblings.tasks.push(task);
    tasks.push(task);
  }
  return { row: 0, endedUs, roots };
}

/** Tasks of which each waits for the one before. */
function chainOf(count: number): PathJob {
  const roots = new Siblings();
  for (let i = 0; i < count; i++) {
    const run = { row: 2 * i + 2, number: 1, queuedUs: 1, backoffUs: 0, leasedUs: 2 * i + 1, endedUs: 2 * i + 2 };
    const times = { createdUs: 0, unblockedUs: 2 * i, endedUs: 2 * i + 2, lastQueuedUs: 2 * i, lastRetryUs: undefined };
    const children = new Siblings();
    const place = { children, siblings: roots, dependencies: undefined };
    roots.tasks.push({ row: 2 * i + 1, ...times, attempts: [run], ...place });
  }
  return { row: 0, endedUs: 2 * count, roots };
}
