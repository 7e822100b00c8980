import { TaskState } from "@spanloom/protocol";
import { describe, expect, test } from "vitest";
import { type BadTask, planRetry, type RetryPlan, type RetryTree } from "./retry-job.ts";

const { FAILED, CANCELLED, SKIPPED, SUCCEEDED } = TaskState;

/** A group in short: its tasks by number with their states; a task that others name as parent has `own: true`. */
interface GroupSketch {
  parent?: number;
  after?: readonly number[];
  tasks: Readonly<Record<number, TaskState>>;
  optional?: boolean;
}

/** Groups are numbered from 1. Tasks that submitted groups succeeded themselves. */
function treeOf(...sketches: readonly GroupSketch[]): RetryTree {
  const parents = new Map<number, number>();
  const groupOf = new Map<number, number>();
  sketches.forEach(({ tasks }, i) => {
    for (const seq of Object.keys(tasks)) groupOf.set(Number(seq), i + 1);
  });
  for (const { parent } of sketches) if (parent !== undefined) parents.set(parent, groupOf.get(parent)!);
  const depthOf = (parent: number | undefined): number =>
    parent === undefined ? 0 : 1 + depthOf(sketches[groupOf.get(parent)! - 1]!.parent);
  return {
    groups: sketches.map(({ parent, after = [] }, i) => ({
      seq: i + 1,
      parent,
      depth: depthOf(parent),
      dependsOn: after,
    })),
    bad: sketches.flatMap(({ tasks, optional = false }, i) =>
      Object.entries(tasks)
        .map(
          ([seq, state]): BadTask => ({
            seq: Number(seq),
            group: i + 1,
            state,
            ownSuccess: parents.has(Number(seq)),
            optional,
          }),
        )
        .filter(({ state }) => state !== SUCCEEDED),
    ),
    parents,
  };
}

const rerun = (plan: RetryPlan): number[] => plan.rerun.map(({ seq }) => seq);
const reopened = (plan: RetryPlan): number[] => plan.reopened.map(({ seq }) => seq).sort((a, b) => a - b);
const named = (...seqs: readonly number[]) => seqs.map((seq) => ({ seq, id: `task ${seq}` }));

/** 1 submitted 11 (which submitted 111, 112 after 111) and 12 after 11; 2 waits for 1. */
const nested = treeOf(
  { tasks: { 1: FAILED } },
  { after: [1], tasks: { 2: SKIPPED } },
  { parent: 1, tasks: { 11: FAILED } },
  { parent: 1, after: [3], tasks: { 12: SKIPPED } },
  { parent: 11, tasks: { 111: FAILED } },
  { parent: 11, after: [5], tasks: { 112: SKIPPED } },
);

describe("a retry of everything", () => {
  test("runs what ended badly, lets those wait whose own code succeeded, and counts what is open", () => {
    const plan = planRetry(nested, []);
    expect(rerun(plan)).toEqual([2, 12, 111, 112]);
    expect(plan.reopened).toEqual([
      { seq: 1, group: 1, from: FAILED, openGroups: 2, spoiled: false },
      { seq: 11, group: 3, from: FAILED, openGroups: 2, spoiled: false },
    ]);
    expect(plan.groups).toEqual([
      { seq: 1, open: 1, spoiled: false, waits: 0 },
      { seq: 2, open: 1, spoiled: false, waits: 1 },
      { seq: 3, open: 1, spoiled: false, waits: 0 },
      { seq: 4, open: 1, spoiled: false, waits: 1 },
      { seq: 5, open: 1, spoiled: false, waits: 0 },
      { seq: 6, open: 1, spoiled: false, waits: 1 },
    ]);
    expect(plan).toMatchObject({ spoiled: false, leftFailed: undefined });
  });

  test("opens ancestors that had succeeded, and makes finished dependants count what opened", () => {
    const tree = treeOf(
      { tasks: { 1: SUCCEEDED } },
      { after: [1], tasks: { 2: SUCCEEDED } },
      { parent: 1, tasks: { 11: FAILED, 12: SUCCEEDED }, optional: true },
    );
    const plan = planRetry(tree, []);
    expect(rerun(plan)).toEqual([11]);
    expect(plan.reopened).toEqual([{ seq: 1, group: 1, from: SUCCEEDED, openGroups: 1, spoiled: false }]);
    expect(plan.groups).toEqual([
      { seq: 1, open: 1, spoiled: false, waits: 0 },
      { seq: 2, open: 0, spoiled: false, waits: 1 },
      { seq: 3, open: 1, spoiled: false, waits: 0 },
    ]);
  });

  test("of a job without bad tasks is refused", () => {
    expect(() => planRetry(treeOf({ tasks: { 1: SUCCEEDED } }), [])).toThrow(/none of its tasks failed/);
  });
});

describe("a retry of named tasks", () => {
  test("runs what waits for a leaf, also through its ancestors", () => {
    const plan = planRetry(nested, named(111));
    expect(rerun(plan)).toEqual([2, 12, 111, 112]);
    expect(plan.spoiled).toBe(false);
  });

  test("runs everything bad below a task whose own code succeeded", () => {
    const tree = treeOf({ tasks: { 1: FAILED } }, { parent: 1, tasks: { 11: FAILED, 12: CANCELLED, 13: SUCCEEDED } });
    const plan = planRetry(tree, named(1));
    expect([rerun(plan), reopened(plan)]).toEqual([[11, 12], [1]]);
  });

  test("named once for itself and once through a descendant runs whole", () => {
    const tree = treeOf(
      { tasks: { 1: FAILED } },
      { parent: 1, tasks: { 11: FAILED, 12: FAILED } },
      { parent: 11, tasks: { 111: FAILED, 112: FAILED } },
    );
    expect(rerun(planRetry(tree, named(111)))).toEqual([111]);
    expect(rerun(planRetry(tree, named(111, 1)))).toEqual([12, 111, 112]);
  });

  test("leaves a parent spoiled by what stays bad, and does not run what waits for it", () => {
    const tree = treeOf(
      { tasks: { 1: FAILED } },
      { after: [1], tasks: { 2: SKIPPED } },
      { parent: 1, tasks: { 11: FAILED } },
      { parent: 1, tasks: { 12: FAILED } },
    );
    const plan = planRetry(tree, named(11));
    expect([rerun(plan), reopened(plan)]).toEqual([[11], [1]]);
    expect(plan.reopened).toEqual([{ seq: 1, group: 1, from: FAILED, openGroups: 1, spoiled: true }]);
    expect(plan.groups.map(({ seq, open, waits }) => [seq, open, waits])).toEqual([
      [1, 1, 0],
      [2, 0, 1],
      [3, 1, 0],
    ]);
    expect(plan).toMatchObject({ spoiled: true, leftFailed: 12 });
  });

  test("keeps a group spoiled by those of its tasks that stay bad, unless they are optional", () => {
    const tasks = { 1: FAILED, 2: FAILED };
    const strict = planRetry(treeOf({ tasks }, { after: [1], tasks: { 3: SKIPPED } }), named(1));
    expect([rerun(strict), strict.spoiled, strict.groups[0]]).toEqual([
      [1],
      true,
      { seq: 1, open: 1, spoiled: true, waits: 0 },
    ]);
    const lenient = planRetry(treeOf({ tasks, optional: true }, { after: [1], tasks: { 3: SKIPPED } }), named(1));
    expect([rerun(lenient), lenient.spoiled, lenient.leftFailed]).toEqual([[1, 3], false, undefined]);
  });

  test("does not run a dependant that failed by itself, but one that was cancelled with its subtree", () => {
    const tree = treeOf(
      { tasks: { 1: FAILED } },
      { after: [1], tasks: { 2: FAILED } },
      { after: [1], tasks: { 3: CANCELLED } },
      { after: [3], tasks: { 4: SKIPPED } },
      { parent: 3, tasks: { 31: FAILED, 32: SKIPPED } },
    );
    const plan = planRetry(tree, named(1));
    expect([rerun(plan), reopened(plan)]).toEqual([[1, 4, 31, 32], [3]]);
    expect(plan).toMatchObject({ spoiled: true, leftFailed: 2 });
  });

  test("does not blame a failure that an optional task bounds", () => {
    const tree = treeOf(
      { tasks: { 1: FAILED }, optional: true },
      { tasks: { 2: FAILED, 3: SKIPPED } },
      { parent: 1, tasks: { 11: FAILED } },
    );
    expect(planRetry(tree, named(3))).toMatchObject({ spoiled: true, leftFailed: 2 });
    expect(planRetry(tree, named(2))).toMatchObject({ spoiled: true, leftFailed: undefined });
  });

  test("is refused for one that succeeded, and for one that waits for what stays bad", () => {
    const tree = treeOf({ tasks: { 1: FAILED, 2: SUCCEEDED } }, { after: [1], tasks: { 3: SKIPPED } });
    expect(() => planRetry(tree, named(2))).toThrow('cannot retry task "task 2": it succeeded');
    expect(() => planRetry(tree, named(3))).toThrow(/"task 3": it waits for a task that did not succeed/);
    expect(rerun(planRetry(tree, named(3, 1)))).toEqual([1, 3]);
  });
});
