import { msFromDuration } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { decodePayload } from "./codec.ts";
import { SubmissionBuilder } from "./submission-builder.ts";
import { task } from "./task.ts";

const a = task({ name: "a", run: (_: number) => undefined });
const b = task({
  name: "b",
  version: "2.1",
  retry: { maxAttempts: 3 },
  timeoutMs: 1_500,
  run: (_: number) => undefined,
});

const inputsOf = (group: { inputs: Uint8Array[] }): unknown[] =>
  group.inputs.map((bytes) => decodePayload(bytes, "test"));

describe("a submission", () => {
  it("puts tasks without dependencies into one group, whatever they run", () => {
    const builder = new SubmissionBuilder();
    builder.submit(a, 1);
    builder.submit(b, 2);
    builder.submitMany(a, [3, 4]);
    const { specs, groups } = builder.build();
    expect(specs.map((spec) => spec.identifier?.name)).toEqual(["a", "b"]);
    expect(groups).toHaveLength(1);
    expect(inputsOf(groups[0]!)).toEqual([1, 2, 3, 4]);
    expect(groups[0]!.specs).toEqual([0, 1, 0, 0]);
  });

  it("names one spec for a group of equal tasks", () => {
    const builder = new SubmissionBuilder();
    builder.submitMany(
      a,
      Array.from({ length: 10_000 }, (_, i) => i),
    );
    const { specs, groups } = builder.build();
    expect(specs).toHaveLength(1);
    expect(groups[0]!.specs).toEqual([0]);
    expect(groups[0]!.inputs).toHaveLength(10_000);
  });

  it("keeps a task others wait for apart from equal ones nobody waits for (I1)", () => {
    const builder = new SubmissionBuilder();
    const first = builder.submit(a, 1);
    builder.submit(a, 2);
    builder.submit(a, 3, { dependsOn: first });
    const { groups } = builder.build();
    expect(groups.map(inputsOf)).toEqual([[1], [2], [3]]);
    expect(groups[2]!.dependsOn).toEqual([0]);
  });

  it("merges dependencies that the same tasks wait for (I1, I2)", () => {
    const builder = new SubmissionBuilder();
    const parts = [1, 2, 3].map((input) => builder.submit(a, input));
    builder.submit(b, 4, { dependsOn: parts });
    builder.submit(b, 5, { dependsOn: [...parts].reverse() });
    const { groups } = builder.build();
    expect(groups.map(inputsOf)).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    expect(groups[1]!.dependsOn).toEqual([0]);
  });

  it("lets every task wait for exactly what it asked for, on random graphs (I1, I2)", () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 50; round++) {
      const builder = new SubmissionBuilder();
      const handles: ReturnType<typeof builder.submit>[] = [];
      const wanted: number[][] = [];
      for (let i = 0; i < 30; i++) {
        const deps = [...new Set(Array.from({ length: random(4) }, () => random(Math.max(1, i))))].filter((d) => d < i);
        wanted.push(deps.sort((x, y) => x - y));
        handles.push(builder.submit(a, i, deps.length > 0 ? { dependsOn: deps.map((d) => handles[d]!) } : {}));
      }
      const { groups } = builder.build();
      groups.forEach((group, index) => {
        for (const dependency of group.dependsOn) expect(dependency).toBeLessThan(index);
        const waits = group.dependsOn.flatMap((dependency) => inputsOf(groups[dependency]!) as number[]);
        for (const input of inputsOf(group) as number[]) expect(waits.toSorted((x, y) => x - y)).toEqual(wanted[input]);
      });
    }
  });

  it("lets options beat the definition's", () => {
    const builder = new SubmissionBuilder();
    builder.submit(b, 1, { queue: "big", timeoutMs: 9_000, optional: true, startDelayMs: 250, priority: 0 });
    const [spec] = builder.build().specs;
    expect(spec).toMatchObject({
      identifier: { name: "b", version: "2.1" },
      queue: "big",
      optional: true,
      priority: 0,
    });
    expect(spec!.retry?.maxAttempts).toBe(3);
    expect(msFromDuration(spec!.attemptTimeout!)).toBe(9_000);
    expect(msFromDuration(spec!.startDelay!)).toBe(250);
  });

  it("carries displays, empty where a task has none", () => {
    const builder = new SubmissionBuilder();
    builder.submit(a, 1);
    builder.submit(a, 2, { display: "two" });
    builder.submitMany(a, [3, 4], { displays: ["three", "four"] });
    expect(builder.build().groups[0]!.displays).toEqual(["", "two", "three", "four"]);
    expect(() => builder.submitMany(a, [1], { displays: [] })).toThrow("0 displays for 1 inputs, must be one for each");
  });

  it("waits for nothing when what it depends on is empty", () => {
    const builder = new SubmissionBuilder();
    const none = builder.submitMany(a, []);
    builder.submit(a, 1, { dependsOn: none });
    expect(builder.build().groups).toMatchObject([{ dependsOn: [] }]);
  });

  it("refuses handles of another submission and things that are no handles (I3)", () => {
    const foreign = new SubmissionBuilder().submit(a, 1);
    const builder = new SubmissionBuilder();
    expect(() => builder.submit(a, 1, { dependsOn: foreign })).toThrow(
      'cannot submit task "a": dependsOn[0] is a handle of another attempt or job',
    );
    expect(() => builder.submit(a, 1, { dependsOn: [undefined as never] })).toThrow(
      expect.objectContaining({ reason: "INVALID_DEPENDENCY", facts: { field: "dependsOn[0]" } }),
    );
    expect(builder.count).toBe(0);
  });

  it("refuses inputs that are too large, too many tasks, and too many groups", () => {
    const small = new SubmissionBuilder({ maxInputBytes: 4, maxTasks: 2 });
    const text = task({ name: "text", run: (_: string) => undefined });
    expect(() => small.submit(text, "long")).toThrow("its input has 6 bytes, limit is 4");
    expect(() => small.submitMany(a, [1, 2, 3])).toThrow("the submission would have 3 tasks, limit is 2");
    const deep = new SubmissionBuilder();
    let last = deep.submit(a, 0);
    for (let i = 1; i <= 4_096; i++) last = deep.submit(a, i, { dependsOn: last });
    expect(() => deep.build()).toThrow("4097 different sets of dependencies, limit is 4096");
  });
});
