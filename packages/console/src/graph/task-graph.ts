import { TaskState } from "@spanloom/protocol";
import type { GraphTask } from "./task-pages.ts";

/** A box of the graph: one task, or several of one name below the same box. */
export interface GraphNode {
  /** Stays the same while tasks come and change. */
  key: string;
  label: string;
  /** Its tasks, at least one. */
  tasks: readonly GraphTask[];
  /** The group it is of, or would be, when it may be opened or closed; undefined for a task that is alone. */
  group: string | undefined;
  /** Whether it stands for several tasks, or names. */
  many: boolean;
}

/** A line from what comes first to what comes after. */
export interface GraphEdge {
  from: string;
  to: string;
  /** `made`: an attempt of the first submitted the second; `awaited`: the second waits for the first. */
  kind: "made" | "awaited";
}

export interface TaskGraph {
  nodes: readonly GraphNode[];
  edges: readonly GraphEdge[];
  /** Tasks below boxes that were not laid out, as there were enough. */
  hidden: number;
}

/** Tasks of one name up to this many are boxes of their own without being asked for. */
const FEW = 3;
/** Tasks of an opened group that are boxes of their own; the others stay together. */
const MOST_MEMBERS = 60;
/** Names below one box; the others are put together. */
const MOST_NAMES = 40;
/** Boxes in all. */
const MOST_NODES = 500;
/** Dependencies that are looked at: enough to find between which boxes there are some. */
const MOST_DEPENDENCIES = 500_000;

/**
 * The boxes and lines of a job's tasks: those of one name below the same box are one box until it is opened.
 *
 * `turned` has the groups that the user opened, or closed where they are open by themselves.
 */
export function taskGraph(tasks: readonly GraphTask[], turned: ReadonlySet<string>): TaskGraph {
  const known = new Set(tasks.map(({ id }) => id));
  // What was submitted by a task that is not listed is shown among the roots.
  const children = Map.groupBy(tasks, ({ parentId }) => (known.has(parentId) ? parentId : ""));
  const nodes: GraphNode[] = [];
  const above = new Map<string, string>();
  const nodeOf = new Map<string, string>();
  const waiting: { parent: string; tasks: readonly GraphTask[] }[] = [{ parent: "", tasks: children.get("") ?? [] }];
  let hidden = 0;
  for (let at = 0; at < waiting.length; at++) {
    const { parent, tasks: siblings } = waiting[at]!;
    if (nodes.length >= MOST_NODES) {
      hidden += siblings.length;
      continue;
    }
    for (const node of boxesOf(parent, siblings, turned)) {
      nodes.push(node);
      above.set(node.key, parent);
      for (const { id } of node.tasks) nodeOf.set(id, node.key);
      const below = node.tasks.flatMap(({ id }) => children.get(id) ?? []);
      if (below.length > 0) waiting.push({ parent: node.key, tasks: below });
    }
  }
  return { nodes, edges: edgesOf(nodes, above, nodeOf), hidden };
}

function boxesOf(parent: string, siblings: readonly GraphTask[], turned: ReadonlySet<string>): GraphNode[] {
  const byName = [...Map.groupBy(siblings, ({ name }) => name)];
  const boxes = byName.slice(0, MOST_NAMES).flatMap(([name, tasks]) => groupBoxes(`${parent}/${name}`, tasks, turned));
  const others = byName.slice(MOST_NAMES).flatMap(([, tasks]) => tasks);
  if (others.length === 0) return boxes;
  const label = `${(byName.length - MOST_NAMES).toLocaleString()} other names`;
  return [...boxes, { key: `${parent}/ others`, label, tasks: others, group: undefined, many: true }];
}

function groupBoxes(group: string, tasks: readonly GraphTask[], turned: ReadonlySet<string>): GraphNode[] {
  const [first] = tasks;
  if (tasks.length === 1 && first) return [{ ...boxOf(first), group: undefined }];
  if (!isOpen(group, tasks.length, turned)) return [{ key: group, label: first!.name, tasks, group, many: true }];
  // What failed or runs is what one opens a group for.
  const sorted = tasks.length > MOST_MEMBERS ? tasks.toSorted((a, b) => interest(b.state) - interest(a.state)) : tasks;
  const boxes = sorted.slice(0, MOST_MEMBERS).map((task) => ({ ...boxOf(task), group }));
  const rest = sorted.slice(MOST_MEMBERS);
  if (rest.length === 0) return boxes;
  return [...boxes, { key: `${group}/ rest`, label: `${first!.name}, the others`, tasks: rest, group, many: true }];
}

function boxOf(task: GraphTask): Omit<GraphNode, "group"> {
  return { key: task.id, label: task.label, tasks: [task], many: false };
}

/** Whether a group of so many tasks is shown as its tasks. */
export function isOpen(group: string, count: number, turned: ReadonlySet<string>): boolean {
  return turned.has(group) !== count <= FEW;
}

function interest(state: TaskState): number {
  if (state === TaskState.FAILED) return 3;
  if (state === TaskState.RUNNING || state === TaskState.WAITING) return 2;
  return state === TaskState.SUCCEEDED ? 0 : 1;
}

function edgesOf(
  nodes: readonly GraphNode[],
  above: ReadonlyMap<string, string>,
  nodeOf: ReadonlyMap<string, string>,
): GraphEdge[] {
  const edges = new Map<string, GraphEdge>();
  // A box that waits for one beside it hangs on that one: a line from what made both would say the same again.
  const awaits = new Set<string>();
  let looked = 0;
  for (const { key: to, tasks } of nodes) {
    for (const { dependsOn } of tasks) {
      for (const id of dependsOn) {
        if (++looked > MOST_DEPENDENCIES) break;
        const from = nodeOf.get(id);
        if (from === undefined || from === to) continue;
        if (above.get(from) === above.get(to)) awaits.add(to);
        edges.set(`${from} ${to}`, { from, to, kind: "awaited" });
      }
    }
  }
  for (const { key: to } of nodes) {
    const from = above.get(to)!;
    if (from !== "" && !awaits.has(to) && !edges.has(`${from} ${to}`))
      edges.set(`${from} ${to}`, { from, to, kind: "made" });
  }
  return [...edges.values()];
}
