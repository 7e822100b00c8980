import { taskStateText } from "../text/task-states.ts";
import type { GraphNode } from "./task-graph.ts";
import type { GraphTask } from "./task-pages.ts";

/** What was found: a box, or a task within a box. */
export interface FoundTask {
  key: string;
  /** Undefined when it is the whole box. */
  task: GraphTask | undefined;
}

/** What is found at most: nobody goes through more one by one. */
const MOST = 1_000;

/** Boxes by their names, tasks by what they are called, their state or their id; upper and lower case are one. */
export function findTasks(nodes: readonly GraphNode[], text: string): FoundTask[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  const found: FoundTask[] = [];
  for (const { key, label, tasks, many } of nodes) {
    if (label.toLowerCase().includes(wanted)) found.push({ key, task: undefined });
    else for (const task of tasks) if (matches(task, wanted)) found.push({ key, task: many ? task : undefined });
    if (found.length > MOST) break;
  }
  return found.slice(0, MOST);
}

function matches({ id, label, name, state }: GraphTask, wanted: string): boolean {
  if (id === wanted || taskStateText(state).name === wanted) return true;
  return label.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted);
}
