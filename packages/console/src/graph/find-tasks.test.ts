import { TaskState } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { findTasks } from "./find-tasks.ts";
import type { GraphNode } from "./task-graph.ts";
import type { GraphTask } from "./task-pages.ts";

const task = (id: string, label: string, state: TaskState = TaskState.SUCCEEDED): GraphTask => ({
  id,
  parentId: "",
  name: "resize",
  label,
  state,
  dependsOn: [],
});
const group: GraphNode = {
  key: "/resize",
  label: "resize",
  tasks: [task("a1", "cat.png"), task("a2", "Dog.png", TaskState.FAILED)],
  group: "/resize",
  many: true,
};
const single: GraphNode = { key: "b1", label: "report", tasks: [task("b1", "report")], group: undefined, many: false };

it("finds boxes by name, and tasks in them by what they are called, their state or their id", () => {
  const found = (text: string) => findTasks([group, single], text).map(({ key, task }) => [key, task?.id]);
  expect(found("RESIZE")).toEqual([
    ["/resize", undefined],
    ["b1", undefined],
  ]);
  expect([found("dog"), found("failed"), found("a1"), found("report")]).toEqual([
    [["/resize", "a2"]],
    [["/resize", "a2"]],
    [["/resize", "a1"]],
    [["b1", undefined]],
  ]);
  expect([found(" "), found("nothing")]).toEqual([[], []]);
});
