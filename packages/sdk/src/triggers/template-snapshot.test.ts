import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SubmitJobRequestSchema, type TaskGroupSchema } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { toTemplateSnapshot } from "./template-snapshot.ts";

const specs = ["first", "second"].map((name) => ({ identifier: { name, version: "1.0" } }));
const inputs = ["1", "2"].map((text) => new TextEncoder().encode(text));

function namesOf(...groups: MessageInitShape<typeof TaskGroupSchema>[]): string[] {
  const { tasks } = toTemplateSnapshot(create(SubmitJobRequestSchema, { tasks: { specs, groups } }));
  return tasks.map(({ name, input }) => `${name} ${input}`);
}

describe("the root tasks of a template", () => {
  it("are of the first definition when their group names none, as a request by hand may have it", () => {
    expect(namesOf({ inputs })).toEqual(["first 1", "first 2"]);
  });

  it("are of the one that their group names, or each of its own", () => {
    expect(namesOf({ inputs, specs: [1] })).toEqual(["second 1", "second 2"]);
    expect(namesOf({ inputs, specs: [1, 0] }, { inputs, specs: [0] })).toEqual([
      "second 1",
      "first 2",
      "first 1",
      "first 2",
    ]);
  });

  it("come with their text for people, and without an input where there is none", () => {
    const groups = [{ inputs: [new Uint8Array(0)], displays: ["for people"] }];
    const request = create(SubmitJobRequestSchema, { name: "n", tasks: { specs, groups }, deadline: { seconds: 2n } });
    expect(toTemplateSnapshot(request)).toEqual({
      name: "n",
      tags: {},
      queue: "",
      priority: 0,
      deadlineMs: 2_000,
      tasks: [{ name: "first", version: "1.0", display: "for people" }],
    });
  });
});
