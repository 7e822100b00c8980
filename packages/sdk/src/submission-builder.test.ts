import { toJson } from "@bufbuild/protobuf";
import { TaskSetSchema } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { decodePayload } from "./codec.ts";
import { SubmissionBuilder } from "./submission-builder.ts";
import { task } from "./task.ts";
import { buildSteps, type SubmissionStep } from "./testing/build-steps.ts";
import { readVectors } from "./testing/vectors.ts";

interface SubmissionVectors {
  submissions: { name: string; steps: SubmissionStep[]; taskSet: unknown }[];
  refused: { name: string; steps: SubmissionStep[]; reason: string; field?: string; limit?: number; actual?: number }[];
}

const vectors = readVectors<SubmissionVectors>("submissions");
const a = task({ name: "a", run: (_: number) => undefined });
const inputsOf = (group: { inputs: Uint8Array[] }): unknown[] =>
  group.inputs.map((bytes) => decodePayload(bytes, "test"));

describe("a submission", () => {
  it.each(vectors.submissions)("is what every client makes of it: $name", ({ steps, taskSet }) => {
    expect(toJson(TaskSetSchema, buildSteps(steps))).toEqual(taskSet);
  });

  it.each(vectors.refused)("is refused by every client: $name", ({ steps, reason, field, limit, actual }) => {
    const facts = Object.entries({ field, limit, actual }).filter(([, value]) => value !== undefined);
    const error = expect.objectContaining({ reason, facts: expect.objectContaining(Object.fromEntries(facts)) });
    expect(() => buildSteps(steps)).toThrow(error);
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
