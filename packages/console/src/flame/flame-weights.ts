import { spanTypes } from "../waterfall/span-facts.ts";
import type { FlameTree } from "./flame-tree.ts";

/** What the width of a frame stands for. */
export const flameMeasures = [
  { name: "self", text: "Self time", hint: "What ran, without what ran within it; what ran at once is added up" },
  { name: "total", text: "Total time", hint: "What spans took from start to end; what ran at once shares the width" },
  { name: "spans", text: "Spans", hint: "How many spans there are" },
] as const;

export type FlameMeasure = (typeof flameMeasures)[number]["name"];

/** Whether what spans of a type take themselves is waiting: while a task runs, an attempt of it does. */
export function isWaiting(type: number): boolean {
  return spanTypes[type] === "task" || spanTypes[type] === "job";
}

/**
 * How wide nodes are, by node.
 *
 * By self time and by spans a node has what it has itself and all that is below it; of self times waiting counts only
 * `withWaits`. By total time it has its own durations: what ran at once below it may sum to more, and is drawn narrower.
 */
export function flameWeights(flame: FlameTree, measure: FlameMeasure, withWaits: boolean): Float64Array {
  const weights = new Float64Array(flame.count);
  for (let node = flame.count - 1; node >= 0; node--) {
    if (measure === "total") weights[node]! += flame.total[node]!;
    else if (measure === "spans") weights[node]! += flame.spans[node]!;
    else if (withWaits || !isWaiting(flame.type[node]!)) weights[node]! += flame.self[node]!;
    const isAdded = measure !== "total" || flame.parent[node] === 0;
    if (node > 0 && isAdded) weights[flame.parent[node]!]! += weights[node]!;
  }
  return weights;
}
