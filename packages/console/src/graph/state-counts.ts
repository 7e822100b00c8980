import type { TaskState } from "@spanloom/protocol";
import { taskStateText } from "../text/task-states.ts";
import type { GraphTask } from "./task-pages.ts";

/** How many tasks are in a state. */
export interface StateCount {
  name: string;
  tone: ReturnType<typeof taskStateText>["tone"];
  count: number;
}

/** In the order in which one wants to know of them. */
const order = ["failed", "running", "waiting", "cancelled", "skipped", "succeeded", "queued", "scheduled", "blocked"];

/** How many tasks are in which state, what failed first. */
export function stateCounts(tasks: readonly GraphTask[]): StateCount[] {
  const counts = new Map<TaskState, number>();
  for (const { state } of tasks) counts.set(state, (counts.get(state) ?? 0) + 1);
  return Array.from(counts, ([state, count]) => ({ ...taskStateText(state), count })).sort(
    (a, b) => order.indexOf(a.name) - order.indexOf(b.name),
  );
}

/** The tone of a box: of several tasks that of what matters most. */
export function toneOf(counts: readonly StateCount[]): StateCount["tone"] {
  return counts[0]?.tone ?? "queued";
}

/** Counts as a text, such as `2 failed, 22 succeeded`. */
export function countsText(counts: readonly StateCount[]): string {
  return counts.map(({ name, count }) => `${count.toLocaleString()} ${name}`).join(", ");
}
