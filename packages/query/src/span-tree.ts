import type { Table } from "apache-arrow";
import { int64Minimum, int64Offsets, requireColumn } from "./column-values.ts";
import { SpanIndex, spanIdsOf } from "./span-index.ts";

/**
 * The parents and children of spans, as arrays of row numbers.
 *
 * I1. Every row is a root or a child of exactly one row: a span without a parent, or whose parent is not in the table,
 *     is a root.
 * I2. There is no cycle: where spans are each other's ancestors, one of them is made a root and listed in `cut`.
 * I3. Of rows with one span id, the first has the children; the others are leaves.
 */
export interface SpanTree {
  readonly index: SpanIndex;
  /** Row of the parent, -1 for roots. */
  readonly parent: Int32Array;
  /** Rows without a parent in the table, by start time. */
  readonly roots: readonly number[];
  /** Rows with a parent id that is not in the table. */
  readonly orphans: readonly number[];
  /** Rows made roots to keep it a tree (I2). */
  readonly cut: readonly number[];
  /** Rows of children, by start time. */
  childrenOf(row: number): Int32Array;
}

/**
 * Builds the tree of a table of spans.
 *
 * Errors: INVALID_FIELD when the table has no `span_id`, `parent_span_id` or `start_time`.
 */
export function spanTree(table: Table): SpanTree {
  const index = new SpanIndex(spanIdsOf(requireColumn(table, "span_id")));
  const parents = spanIdsOf(requireColumn(table, "parent_span_id"));
  const parent = new Int32Array(table.numRows).fill(-1);
  const orphans: number[] = [];
  for (let row = 0; row < parent.length; row++) {
    const [high, low] = [parents.high[row]!, parents.low[row]!];
    if (high === 0 && low === 0) continue;
    parent[row] = index.rowOf(high, low);
    if (parent[row] === -1) orphans.push(row);
  }
  const cut = cutCycles(parent);
  const { rows, from } = groupByParent(parent, startOrder(table));
  return {
    index,
    parent,
    roots: Array.from(rows.subarray(from[0], from[1])),
    orphans,
    cut,
    childrenOf: (row) => rows.subarray(from[row + 1], from[row + 2]),
  };
}

/** Makes one row of every cycle a root, and gives those rows. */
function cutCycles(parent: Int32Array): number[] {
  const cut: number[] = [];
  // 0 not seen, otherwise the walk that saw it: meeting one's own walk again is a cycle.
  const seenBy = new Int32Array(parent.length);
  for (let start = 0; start < parent.length; start++) {
    let row = start;
    while (row !== -1 && seenBy[row] === 0) {
      seenBy[row] = start + 1;
      const next = parent[row]!;
      if (next !== -1 && seenBy[next] === start + 1) {
        parent[row] = -1;
        cut.push(row);
      }
      row = parent[row]!;
    }
  }
  return cut;
}

/** Rows by start time; rows that start together keep their order. */
function startOrder(table: Table): Uint32Array {
  const starts = requireColumn(table, "start_time");
  const offsets = int64Offsets(starts, int64Minimum(starts) ?? 0n);
  const order = Uint32Array.from(offsets, (_, row) => row);
  // The server sorts by start time, so most tables need no sort at all.
  if (offsets.some((offset, row) => row > 0 && offset < offsets[row - 1]!))
    order.sort((a, b) => offsets[a]! - offsets[b]! || a - b);
  return order;
}

/** Rows grouped by parent, roots first: those of parent p are `rows[from[p + 1] .. from[p + 2]]`. */
function groupByParent(parent: Int32Array, order: Uint32Array): { rows: Int32Array; from: Int32Array } {
  const from = new Int32Array(parent.length + 2);
  for (const row of parent) from[row + 2]! += 1;
  for (let i = 1; i < from.length; i++) from[i]! += from[i - 1]!;
  const next = from.slice();
  const rows = new Int32Array(parent.length);
  for (const row of order) {
    const group = parent[row]! + 1;
    rows[next[group]!] = row;
    next[group]! += 1;
  }
  return { rows, from };
}
