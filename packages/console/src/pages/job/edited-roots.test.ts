import { create } from "@bufbuild/protobuf";
import { TaskSchema } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { editedRoots } from "./edited-roots.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const roots = [
  create(TaskSchema, { id: "a", identifier: { name: "first", version: "v2" }, queue: "gpu", input: bytes({ n: 1 }) }),
  create(TaskSchema, {
    id: "b",
    identifier: { name: "second" },
    queue: "default",
    input: bytes(2),
    dependsOn: ["a", "elsewhere"],
    maxAttempts: 3,
    optional: true,
    priority: 7,
    display: "the second",
  }),
];

it("roots whose inputs are as they were are not sent", () => {
  expect(editedRoots(roots, {})).toBeUndefined();
  expect(editedRoots(roots, { a: '{\n  "n": 1\n}' })).toBeUndefined();
});

it("an edited input is sent with all roots, and what depends on what", () => {
  const set = editedRoots(roots, { a: '{"n": 5}' });
  expect(set?.specs).toMatchObject([
    { identifier: { name: "first", version: "v2" }, queue: "gpu", optional: false },
    { identifier: { name: "second" }, queue: "default", optional: true, priority: 7, retry: { maxAttempts: 3 } },
  ]);
  expect(set?.groups).toMatchObject([
    { inputs: [bytes({ n: 5 })], specs: [0], dependsOn: [] },
    { inputs: [bytes(2)], specs: [1], dependsOn: [0], displays: ["the second"] },
  ]);
});

it("an input that is no JSON is refused before anything is sent", () => {
  expect(() => editedRoots(roots, { a: "{" })).toThrow(SyntaxError);
});
