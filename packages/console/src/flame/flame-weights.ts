import type { FlameTree } from "./flame-tree.ts";

/** What the width of a frame stands for. */
export const flameMeasures = [
  { name: "self", text: "Self time", hint: "What spans took themselves, what ran at once added up" },
  { name: "total", text: "Total time", hint: "What spans took from start to end; what ran at once shares the width" },
  { name: "spans", text: "Spans", hint: "How many spans there are" },
] as const;

export type FlameMeasure = (typeof flameMeasures)[number]["name"];

/**
 * How wide nodes are, by node.
 *
 * By self time and by spans a node has what it has itself and all that is below it. By total time it has its own
 * durations: what ran at once below it may sum to more, and is drawn narrower.
 */
export function flameWeights(flame: FlameTree, measure: FlameMeasure): Float64Array {
  const weights = new Float64Array(flame.count);
  for (let node = flame.count - 1; node >= 0; node--) {
    if (measure === "total") weights[node]! += flame.total[node]!;
    else weights[node]! += measure === "self" ? flame.self[node]! : flame.spans[node]!;
    const isAdded = measure !== "total" || flame.parent[node] === 0;
    if (node > 0 && isAdded) weights[flame.parent[node]!]! += weights[node]!;
  }
  return weights;
}
