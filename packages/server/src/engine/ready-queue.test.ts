import fc from "fast-check";
import { expect, test } from "vitest";
import { gateOf } from "./admission.ts";
import { ReadyQueue, type TakenRun } from "./ready-queue.ts";

const spec = (overrides: object = {}) => ({ queue: "q", name: "t", major: 1, minor: 0, priority: 0, ...overrides });
const run = (job: number, from: number, to = from, depth = 0) => ({ job, depth, from, to, queuedAtUs: from });
const match = (overrides: object = {}) => ({
  queues: ["q"],
  identifiers: [{ name: "t", major: 1, minor: 0 }],
  ...overrides,
});
const tasks = (runs: readonly TakenRun[]) =>
  runs.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));

test("only tasks a runner can execute are offered (I1)", () => {
  const ready = new ReadyQueue();
  ready.add(spec({ minor: 2 }), run(1, 1));
  const offer = (major: number, minor: number) => match({ identifiers: [{ name: "t", major, minor }] });
  expect(ready.take(offer(1, 1), 9, 0)).toEqual([]);
  expect(ready.take(offer(2, 2), 9, 0)).toEqual([]);
  expect(ready.take(match({ queues: ["other"] }), 9, 0)).toEqual([]);
  expect(ready.take({ ...offer(1, 2), refused: new Set(["t@1.2"]) }, 9, 0)).toEqual([]);
  expect(tasks(ready.take(offer(1, 3), 9, 0))).toEqual([1]);
});

test("priority first, then jobs in turn, then deeper tasks, then creation order (I2)", () => {
  const ready = new ReadyQueue();
  ready.add(spec(), run(1, 10, 12));
  ready.add(spec(), run(1, 20, 20, 5));
  ready.add(spec(), run(2, 30, 31));
  ready.add(spec({ priority: 9 }), run(3, 40));
  const order = [];
  for (let next = ready.take(match(), 1, 0); next.length > 0; next = ready.take(match(), 1, 0))
    order.push(...tasks(next));
  expect(order).toEqual([40, 20, 30, 10, 31, 11, 12]);
});

test("where only the first jobs in turn are here, none is served again before those that are not (I2)", () => {
  const ready = new ReadyQueue();
  const names = ["a", "b"];
  const identifiers = names.map((name) => ({ name, major: 1, minor: 0 }));
  const gate = gateOf({ concurrency: { key: "k", limit: 1, policy: "wait" } })!;
  ready.add(spec({ name: "a" }), run(1, 10, 19));
  ready.add(spec({ name: "a", gate }), run(2, 20, 29));
  ready.add(spec({ name: "b" }), run(3, 30, 39));
  ready.endHere([spec({ name: "a" })], []);
  // Who became ready since comes after those who are not here, too.
  ready.add(spec({ name: "b" }), run(4, 40));
  expect(tasks(ready.take(match({ identifiers }), 9, 0))).toEqual([10, 20]);
  expect(ready.take(match({ identifiers }), 9, 0)).toEqual([]);
  expect(tasks(ready.take(match({ identifiers: [identifiers[1]!] }), 2, 0))).toEqual([30, 40]);
});

test("where more tasks of a line stand than are here, nothing is taken that comes after them (I2)", () => {
  const ready = new ReadyQueue();
  ready.add(spec(), run(1, 10));
  ready.add(spec(), run(2, 20, 29));
  ready.add(spec({ priority: -1 }), run(3, 30));
  ready.endHere([], [{ spec: spec(), job: 1 }]);
  expect(tasks(ready.take(match(), 9, 0))).toEqual([10, 20]);
});

test("equally deep tasks of one job are taken in the order in which the runner names their kinds", () => {
  const ready = new ReadyQueue();
  const names = ["a", "b", "c"];
  for (const [i, name] of names.entries()) ready.add(spec({ name }), run(1, i));
  const identifiers = names.map((name) => ({ name, major: 1, minor: 0 }));
  expect(tasks(ready.take(match({ identifiers }), 9, 0))).toEqual([0, 1, 2]);
});

test("a turn counts across the identifiers a job's tasks have (I2)", () => {
  const ready = new ReadyQueue();
  const both = match({ identifiers: ["a", "b"].map((name) => ({ name, major: 1, minor: 0 })) });
  ready.add(spec({ name: "a" }), run(1, 10, 12));
  ready.add(spec({ name: "b" }), run(1, 20, 22));
  ready.add(spec({ name: "b" }), run(2, 30, 32));
  const jobs = Array.from({ length: 6 }, () => (tasks(ready.take(both, 1, 0))[0]! < 30 ? 1 : 2));
  expect(jobs).toEqual([1, 2, 1, 2, 1, 2]);
});

test("a job served from another bucket meanwhile keeps its place before jobs served later (I2)", () => {
  const ready = new ReadyQueue();
  const both = match({ identifiers: ["a", "b"].map((name) => ({ name, major: 1, minor: 0 })) });
  const only = (name: string) => match({ identifiers: [{ name, major: 1, minor: 0 }] });
  ready.add(spec({ name: "a" }), run(1, 10, 12));
  ready.add(spec({ name: "b" }), run(1, 20, 22, 1));
  ready.add(spec({ name: "b" }), run(2, 30, 32));
  expect(tasks(ready.take(only("a"), 1, 0))).toEqual([10]);
  expect(tasks(ready.take(only("b"), 1, 0))).toEqual([30]);
  // Job 1 was served before job 2, so it is its turn, and its deeper task is in the bucket of both.
  expect([1, 2, 3].flatMap(() => tasks(ready.take(both, 1, 0)))).toEqual([20, 31, 21]);
});

test("a job whose turn was used by its other tasks leaves an open gate to the job that waits longer (I2, I5)", () => {
  const ready = new ReadyQueue();
  const both = match({ identifiers: ["a", "b"].map((name) => ({ name, major: 1, minor: 0 })) });
  const gate = gateOf({ concurrency: { key: "k", limit: 1, policy: "wait" } })!;
  for (const job of [1, 2, 3]) ready.add(spec({ gate, name: "a" }), run(job, job * 10));
  expect(tasks(ready.take(both, 9, 0))).toEqual([10]);
  ready.add(spec({ name: "b" }), run(2, 200, 205, 1));
  ready.admission.end(gate, 0);
  expect(tasks(ready.take(both, 3, 0))).toEqual([200, 201, 30]);
});

test("a task that becomes ready late takes its job's place in turn, not the last one (I2)", () => {
  const ready = new ReadyQueue();
  const both = match({ identifiers: ["a", "b"].map((name) => ({ name, major: 1, minor: 0 })) });
  ready.add(spec({ name: "a" }), run(1, 10, 12));
  ready.add(spec({ name: "b" }), run(2, 30, 32));
  expect(tasks(ready.take(both, 2, 0))).toEqual([10, 30]);
  ready.add(spec({ name: "b" }), run(1, 40, 40, 1));
  expect(tasks(ready.take(both, 2, 0))).toEqual([40, 31]);
});

test("the oldest wait is that of a task that still waits", () => {
  const ready = new ReadyQueue();
  ready.add(spec(), run(1, 1));
  ready.add(spec(), run(1, 2));
  expect(ready.stats("q", 0)).toEqual({ queued: 2, throttled: 0, oldestQueuedAtUs: 1 });
  expect(tasks(ready.take(match(), 1, 0))).toEqual([1]);
  expect(ready.stats("q", 0)).toEqual({ queued: 1, throttled: 0, oldestQueuedAtUs: 2 });
});

test("of tasks that differ only in their limits, the deeper one of a job goes first (I2)", () => {
  const ready = new ReadyQueue();
  const gate = gateOf({ concurrency: { key: "k", limit: 5, policy: "wait" } });
  ready.add(spec(), run(1, 10, 12));
  ready.add(spec({ gate }), run(1, 20, 21, 3));
  ready.add(spec(), run(1, 30, 30, 5));
  const order = [1, 2, 3, 4].flatMap(() => tasks(ready.take(match(), 1, 0)));
  expect(order).toEqual([30, 20, 21, 10]);
});

test("consecutive tasks come as one run (I3)", () => {
  const ready = new ReadyQueue();
  ready.add(spec(), run(1, 1, 10_000));
  ready.add(spec(), run(2, 20_001, 30_000));
  expect(ready.take(match(), 1_000, 0)).toEqual([
    { from: 1, to: 500 },
    { from: 20_001, to: 20_500 },
  ]);
});

test("removed tasks are gone, those around them stay in their order", () => {
  const range = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 12 }));
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 40 })), fc.array(range), (added, ranges) => {
      const ready = new ReadyQueue();
      for (const task of added) ready.add(spec(), run(1, task));
      ready.add(spec(), run(2, 20));
      ready.add(spec(), run(1, 10, 10, 1));
      for (const [from, more] of ranges) ready.remove(spec(), { job: 1, depth: 0, from, to: from + more });
      const isLeft = (task: number) => !ranges.some(([from, more]) => task >= from && task <= from + more);
      const left = added.filter(isLeft);
      expect(ready.stats("q", 0).queued).toBe(left.length + 2);
      const taken = tasks(Array.from({ length: left.length + 2 }, () => ready.take(match(), 1, 0)).flat());
      expect(taken.toSorted((a, b) => a - b)).toEqual([...left, 20, 10].toSorted((a, b) => a - b));
      expect(ready.queues()).toEqual([]);
    }),
  );
});

test("a removed job's tasks are gone, others stay", () => {
  const ready = new ReadyQueue();
  ready.add(spec(), run(1, 1, 5));
  ready.add(spec({ name: "u" }), run(1, 6, 7));
  ready.add(spec(), run(2, 8, 9));
  ready.removeJob(1);
  ready.removeJob(99);
  expect(ready.stats("q", 0)).toEqual({ queued: 2, throttled: 0, oldestQueuedAtUs: 8 });
  expect(
    tasks(ready.take(match({ identifiers: ["t", "u"].map((name) => ({ name, major: 1, minor: 0 })) }), 99, 0)),
  ).toEqual([8, 9]);
  expect(ready.stats("q", 0)).toEqual({ queued: 0, throttled: 0, oldestQueuedAtUs: undefined });
});

test("every task added is taken exactly once, whatever the order", () => {
  const step = fc.record({
    job: fc.integer({ min: 1, max: 4 }),
    depth: fc.integer({ min: 0, max: 3 }),
    count: fc.integer({ min: 1, max: 5 }),
    priority: fc.integer({ min: 0, max: 2 }),
    name: fc.constantFrom("t", "u"),
    take: fc.integer({ min: 0, max: 6 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ready = new ReadyQueue();
      const all = match({ identifiers: ["t", "u"].map((name) => ({ name, major: 1, minor: 0 })) });
      const taken: number[] = [];
      let next = 1;
      for (const { job, depth, count, priority, name, take } of steps) {
        ready.add(spec({ priority, name }), run(job, next, next + count - 1, depth));
        next += count;
        const runs = tasks(ready.take(all, take, 0));
        expect(runs.length).toBeLessThanOrEqual(take);
        taken.push(...runs);
        expect(ready.stats("q", 0).queued).toBe(next - 1 - taken.length);
      }
      taken.push(...tasks(ready.take(all, next, 0)));
      expect(taken.sort((a, b) => a - b)).toEqual(Array.from({ length: next - 1 }, (_, i) => i + 1));
    }),
  );
});
