import { TaskState } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { countsText, stateCounts, toneOf } from "./state-counts.ts";

const task = (state: TaskState) => ({ id: "t", parentId: "", name: "work", label: "work", state, dependsOn: [] });

it("tells what failed first, and has its tone", () => {
  const { SUCCEEDED, FAILED, RUNNING } = TaskState;
  const counts = stateCounts([SUCCEEDED, SUCCEEDED, RUNNING, FAILED].map(task));
  expect([countsText(counts), toneOf(counts)]).toEqual(["1 failed, 1 running, 2 succeeded", "failed"]);
  expect([countsText([]), toneOf([])]).toEqual(["", "queued"]);
});
