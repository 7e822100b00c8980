import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gateOf } from "./admission.ts";
import { JobAdmission } from "./job-admission.ts";
import { ReadyQueue, type TakenRun } from "./ready-queue.ts";

const spec = (rules: Parameters<typeof gateOf>[0] = {}, name = "t") => ({
  queue: "q",
  name,
  major: 1,
  minor: 0,
  priority: 0,
  gate: gateOf(rules),
});
const keyed = (limit: number, key = "k") => spec({ concurrency: { key, limit, policy: "wait" } });
const rated = (limit: number, windowMs = 1) => spec({ rateLimit: { key: "r", limit, windowMs } });
const run = (job: number, from: number, to = from) => ({ job, depth: 0, from, to, queuedAtUs: from });
const match = { queues: ["q"], identifiers: ["t", "u"].map((name) => ({ name, major: 1, minor: 0 })) };
const tasks = (runs: readonly TakenRun[]) =>
  runs.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));

test("a key's places are never exceeded, within one take or across buckets (I4)", () => {
  const ready = new ReadyQueue();
  ready.add(keyed(3), run(1, 1, 9));
  ready.add({ ...keyed(3), name: "u" }, run(2, 11, 19));
  expect(tasks(ready.take(match, 100, 0))).toHaveLength(3);
  expect(ready.take(match, 100, 0)).toEqual([]);
  ready.admission.end(keyed(3).gate!, 0);
  expect(tasks(ready.take(match, 100, 0))).toHaveLength(1);
});

test("a freed place is offered in every bucket, as a runner may serve only one of them (I5)", () => {
  const ready = new ReadyQueue();
  const only = (name: string) => ({ queues: ["q"], identifiers: [{ name, major: 1, minor: 0 }] });
  ready.add(keyed(1), run(1, 1, 2));
  ready.add({ ...keyed(1), name: "u" }, run(2, 11, 12));
  expect(tasks(ready.take(only("t"), 1, 0))).toEqual([1]);
  expect(ready.take(only("u"), 1, 0)).toEqual([]);
  ready.admission.end(keyed(1).gate!, 0);
  expect(tasks(ready.take(only("u"), 1, 0))).toEqual([11]);
});

test("when a line that stood in turn is withdrawn another takes its turn (I5)", () => {
  const ready = new ReadyQueue();
  for (const job of [1, 2, 3]) ready.add(keyed(1), run(job, job));
  expect(tasks(ready.take(match, 9, 0))).toEqual([1]);
  expect(ready.take(match, 9, 0)).toEqual([]);
  ready.admission.end(keyed(1).gate!, 0);
  ready.removeJob(2);
  expect(tasks(ready.take(match, 9, 0))).toEqual([3]);
});

test("jobs that wait for a key take turns, too (I2)", () => {
  const ready = new ReadyQueue();
  for (const job of [1, 2, 3]) ready.add(keyed(1), run(job, job * 10, job * 10 + 2));
  const order = [];
  for (let i = 0; i < 6; i++) {
    order.push(...tasks(ready.take(match, 1, 0)));
    ready.admission.end(keyed(1).gate!, 0);
  }
  expect(order).toEqual([10, 20, 30, 11, 21, 31]);
});

test("a window lets its number start, the next one again, also when the clock is set back", () => {
  const heard: number[] = [];
  const ready = new ReadyQueue((_, count) => heard.push(count));
  ready.add(rated(2), run(1, 1, 9));
  expect(tasks(ready.take(match, 9, 500))).toEqual([1, 2]);
  expect(ready.take(match, 9, 900)).toEqual([]);
  expect(ready.admission.nextWindowUs(900)).toBe(1_000);
  expect(ready.admission.nextWindowUs(1_000), "nobody waits for a window that is over").toBeUndefined();
  expect(ready.stats("q", 900)).toEqual({ queued: 7, throttled: 7, oldestQueuedAtUs: 1 });
  ready.turnWindows(1_000);
  expect(heard).toEqual([2]);
  expect(tasks(ready.take(match, 9, 1_000))).toEqual([3, 4]);
  expect(tasks(ready.take(match, 9, 10))).toEqual([5, 6]);
});

test("a window that the clock left backwards counts on when the clock comes to it again", () => {
  const ready = new ReadyQueue();
  ready.add(rated(2), run(1, 1, 9));
  expect(tasks(ready.take(match, 9, 1_500))).toEqual([1, 2]);
  ready.turnWindows(900);
  ready.turnWindows(1_600);
  expect(ready.take(match, 9, 1_600)).toEqual([]);
  ready.turnWindows(2_000);
  expect(tasks(ready.take(match, 9, 2_000))).toEqual([3, 4]);
});

test("a take after a window's end finds it turned, also for those that another start of the take comes before", () => {
  const ready = new ReadyQueue();
  ready.add(rated(3), run(1, 1, 3));
  ready.add({ ...rated(2), name: "u" }, run(2, 11, 12));
  expect(tasks(ready.take({ ...match, identifiers: [match.identifiers[0]!] }, 9, 500))).toEqual([1, 2, 3]);
  expect(ready.take(match, 9, 500)).toEqual([]);
  ready.add(rated(3), run(1, 4));
  expect(tasks(ready.take(match, 9, 1_500)).sort((a, b) => a - b)).toEqual([4, 11]);
  expect(ready.admission.nextWindowUs(1_500)).toBe(2_000);
});

test("those that wait for a window go on although a start of another kind began the next one", () => {
  const ready = new ReadyQueue();
  const named = (name: string, limit: number) => ({ ...rated(limit), name });
  const both = { ...match, identifiers: ["a", "b"].map((name) => ({ name, major: 1, minor: 0 })) };
  const only = { ...match, identifiers: [{ name: "b", major: 1, minor: 0 }] };
  ready.add(named("a", 2), run(1, 1, 9));
  expect(tasks(ready.take(both, 9, 500))).toEqual([1, 2]);
  ready.add(named("b", 1), run(2, 11, 12));
  expect(tasks(ready.take(only, 9, 1_500))).toEqual([11]);
  expect(tasks(ready.take(both, 9, 1_500))).toEqual([3]);
});

test("a held job's tasks are not offered before it is let in", () => {
  const ready = new ReadyQueue();
  ready.hold(1);
  ready.add(spec(), run(1, 1, 3));
  ready.add(spec(), run(2, 11));
  expect(tasks(ready.take(match, 9, 0))).toEqual([11]);
  expect(ready.stats("q", 0)).toMatchObject({ queued: 3, throttled: 3 });
  ready.letIn(1);
  expect(tasks(ready.take(match, 9, 0))).toEqual([1, 2, 3]);
});

test("whatever is added, taken, ended and withdrawn: limits hold, and nothing waits while its gate is open", () => {
  const action = fc.record({
    kind: fc.constantFrom("add", "add", "take", "end", "end", "remove"),
    job: fc.integer({ min: 1, max: 5 }),
    key: fc.integer({ min: 0, max: 2 }),
    count: fc.integer({ min: 1, max: 6 }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const ready = new ReadyQueue();
      const limits = [1, 2, 3];
      const gates = limits.map((limit, key) => keyed(limit, `k${key}`));
      const waiting = new Map<number, { job: number; key: number }>();
      const running = [0, 0, 0];
      let next = 1;
      const take = (limit: number) => {
        for (const seq of tasks(ready.take(match, limit, 0))) {
          running[waiting.get(seq)!.key]!++;
          waiting.delete(seq);
        }
      };
      for (const { kind, job, key, count } of actions) {
        if (kind === "add") {
          ready.add(gates[key]!, run(job, next, next + count - 1));
          for (let i = 0; i < count; i++) waiting.set(next++, { job, key });
        } else if (kind === "take") take(count);
        else if (kind === "end" && running[key]! > 0) {
          running[key]!--;
          ready.admission.end(gates[key]!.gate!, 0);
        } else if (kind === "remove") {
          ready.removeJob(job);
          for (const [seq, task] of waiting) if (task.job === job) waiting.delete(seq);
        }
        for (const [at, limit] of limits.entries()) expect(running[at]).toBeLessThanOrEqual(limit);
      }
      take(1_000);
      for (const { key } of waiting.values()) expect(running[key]).toBe(limits[key]);
      expect(ready.stats("q", 0).queued).toBe(waiting.size);
    }),
    { numRuns: 500 },
  );
});

describe("places of jobs", () => {
  const rule = (limit: number, policy: "wait" | "cancelRunning" | "rejectNew" = "wait") => ({
    key: "k",
    limit,
    policy,
  });

  test("jobs are let in by priority, then in the order they came (I1)", () => {
    const jobs = new JobAdmission();
    expect(jobs.apply({ job: 1, priority: 0, rule: rule(1) })).toBe(true);
    for (const [job, priority] of [
      [2, 0],
      [3, 5],
      [4, 5],
      [5, 0],
    ] as const)
      expect(jobs.apply({ job, priority, rule: rule(1) })).toBe(false);
    expect(jobs.leave(4)).toEqual([]);
    expect([1, 3, 2, 5].map((job) => jobs.leave(job))).toEqual([[3], [2], [5], []]);
    expect(jobs.isEmpty).toBe(true);
  });

  test("as many of the longest-admitted make way as there are jobs that displace, each told once", () => {
    const jobs = new JobAdmission();
    for (const job of [1, 2, 3]) jobs.apply({ job, priority: 0, rule: rule(3) });
    jobs.apply({ job: 4, priority: 0, rule: rule(3, "cancelRunning") });
    expect(jobs.displaced("k")).toEqual([1]);
    jobs.apply({ job: 5, priority: 0, rule: rule(3, "cancelRunning") });
    expect(jobs.displaced("k")).toEqual([2]);
    expect(jobs.leave(1)).toEqual([4]);
    expect(jobs.displaced("k")).toEqual([]);
  });

  test("times of admission tell the order, whatever the clock does and over a restart", () => {
    const jobs = new JobAdmission();
    expect([10, 10, 5].map((nowUs) => jobs.admittedAtUs(nowUs))).toEqual([10, 11, 12]);
    const restarted = new JobAdmission();
    restarted.restore({ job: 1, priority: 0, rule: rule(2) }, 12);
    expect([3, 20].map((nowUs) => restarted.admittedAtUs(nowUs))).toEqual([13, 20]);
  });

  test("a newcomer that refuses itself does so while holders and waiting jobs fill the places", () => {
    const jobs = new JobAdmission();
    expect(jobs.refuses(rule(1, "rejectNew"))).toBe(false);
    jobs.apply({ job: 1, priority: 0, rule: rule(1) });
    expect(jobs.refuses(rule(1, "rejectNew"))).toBe(true);
    expect(jobs.refuses(rule(2, "rejectNew"))).toBe(false);
    expect(jobs.refuses(rule(1))).toBe(false);
  });
});
