import type { SpanColumns } from "./span-columns.ts";
import { ERROR, ERROR_BELOW } from "./span-facts.ts";

/** What the order of a tree needs of its spans. */
export type TreeColumns = Pick<
  SpanColumns,
  "count" | "idHigh" | "idLow" | "parentHigh" | "parentLow" | "start" | "facts" | "rowOf"
>;

/**
 * Spans in the order they are shown: each followed by all below it, those with one parent by start.
 *
 * I1. Every row is in `order` exactly once: one whose parent has not come is a root until it does, and of spans that are
 *     each other's ancestors one is made a root.
 * I2. What is below the span at position p is at positions p + 1 .. p + below[p].
 */
export interface TreeOrder {
  /** Rows by position. */
  order: Int32Array;
  /** Depth by position, 0 for roots. */
  depth: Int32Array;
  /** How many spans are below, by position. */
  below: Int32Array;
  /** Marks of what is below, by position: {@link ERROR_BELOW} or 0. */
  marks: Uint8Array;
}

/** Puts spans in the order of their tree. Linear, but for the sort of what does not come by start. */
export function treeOrder(columns: TreeColumns): TreeOrder {
  const parent = parentRows(columns);
  cutCycles(parent);
  const { rows, from } = groupByParent(parent, startOrder(columns));
  return walk(columns, rows, from);
}

function parentRows(columns: TreeColumns): Int32Array {
  const { count, parentHigh, parentLow } = columns;
  const parent = new Int32Array(count).fill(-1);
  for (let row = 0; row < count; row++) {
    const [high, low] = [parentHigh[row]!, parentLow[row]!];
    if ((high | low) !== 0) parent[row] = columns.rowOf(high, low);
  }
  return parent;
}

/** Makes one row of every cycle a root. */
function cutCycles(parent: Int32Array): void {
  const seenBy = new Int32Array(parent.length);
  for (let first = 0; first < parent.length; first++) {
    let row = first;
    while (row !== -1 && seenBy[row] === 0) {
      seenBy[row] = first + 1;
      const next = parent[row]!;
      if (next !== -1 && seenBy[next] === first + 1) parent[row] = -1;
      row = parent[row]!;
    }
  }
}

function startOrder({ count, start }: TreeColumns): Uint32Array {
  const order = new Uint32Array(count);
  let sorted = true;
  for (let row = 0; row < count; row++) {
    order[row] = row;
    if (row > 0 && start[row]! < start[row - 1]!) sorted = false;
  }
  return sorted ? order : order.sort((a, b) => start[a]! - start[b]! || a - b);
}

/** Rows grouped by parent, roots first: those of parent p are `rows[from[p + 1] .. from[p + 2]]`. */
function groupByParent(parent: Int32Array, order: Uint32Array): { rows: Int32Array; from: Int32Array } {
  const from = new Int32Array(parent.length + 2);
  for (const row of parent) from[row + 2]! += 1;
  for (let group = 1; group < from.length; group++) from[group]! += from[group - 1]!;
  const next = from.slice();
  const rows = new Int32Array(parent.length);
  for (const row of order) {
    const group = parent[row]! + 1;
    rows[next[group]!] = row;
    next[group]! += 1;
  }
  return { rows, from };
}

/** Depth first without recursion: a trace can be deeper than the stack. */
function walk({ count, facts }: TreeColumns, rows: Int32Array, from: Int32Array): TreeOrder {
  const [order, below] = [new Int32Array(count), new Int32Array(count)];
  const [depth, marks] = [new Int32Array(count), new Uint8Array(count)];
  const [path, next] = [[-1], [from[0]!]];
  let placed = 0;
  while (path.length > 0) {
    const top = path.length - 1;
    const above = path[top]!;
    const group = above === -1 ? 0 : order[above]! + 1;
    if (next[top]! < from[group + 1]!) {
      const row = rows[next[top]!]!;
      next[top]! += 1;
      order[placed] = row;
      depth[placed] = top;
      path.push(placed);
      next.push(from[row + 1]!);
      placed += 1;
      continue;
    }
    path.pop();
    next.pop();
    if (above === -1) break;
    below[above] = placed - above - 1;
    const outer = path[top - 1]!;
    if (outer !== -1 && ((facts[order[above]!]! & ERROR) !== 0 || marks[above] !== 0)) marks[outer] = ERROR_BELOW;
  }
  return { order, depth, below, marks };
}
