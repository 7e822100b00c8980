import type { FlameTree } from "./flame-tree.ts";

/** All spans of one name, wherever they are. Units: nanoseconds. */
export interface NameSum {
  name: number;
  /** Number of its type, of the first that was met. */
  type: number;
  spans: number;
  errors: number;
  /** Durations: what ran at once, or within its like, counts each time. */
  total: number;
  self: number;
  longest: number;
  longestRow: number;
}

/** What each name took itself, the most first. */
export function sumsByName(flame: FlameTree): NameSum[] {
  const sums = new Map<number, NameSum>();
  for (let node = 1; node < flame.count; node++) {
    const name = flame.name[node]!;
    let sum = sums.get(name);
    if (!sum) {
      sum = { name, type: flame.type[node]!, spans: 0, errors: 0, total: 0, self: 0, longest: -1, longestRow: -1 };
      sums.set(name, sum);
    }
    sum.spans += flame.spans[node]!;
    sum.errors += flame.errors[node]!;
    sum.total += flame.total[node]!;
    sum.self += flame.self[node]!;
    if (flame.longest[node]! <= sum.longest) continue;
    sum.longest = flame.longest[node]!;
    sum.longestRow = flame.longestRow[node]!;
  }
  return [...sums.values()].sort((a, b) => b.self - a.self);
}
