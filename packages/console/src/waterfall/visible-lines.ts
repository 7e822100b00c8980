import type { SpanColumns } from "./span-columns.ts";
import { COLLAPSED, ERROR_BELOW, PARENT } from "./span-facts.ts";
import type { TreeOrder } from "./tree-order.ts";

/** What is folded: what is below a span that is named here is hidden. */
export interface Folding {
  /** Rows whose children are hidden, or shown where `names` would hide them. */
  rows: ReadonlySet<number>;
  /** Numbers of names whose spans hide their children. */
  names: ReadonlySet<number>;
}

/** Lines of the waterfall, from the top; each column has one element a line. */
export interface Lines {
  count: number;
  row: Int32Array;
  /** Where in the tree's order the span is. */
  position: Int32Array;
  depth: Int32Array;
  /** How many spans are below, shown or not. */
  below: Int32Array;
  /** Facts and marks of the span. */
  facts: Uint8Array;
  start: Float64Array;
  end: Float64Array;
  name: Int32Array;
  attempt: Uint16Array;
  blockedMs: Float32Array;
  queuedMs: Float32Array;
  backoffMs: Float32Array;
}

/** Whether the span hides what is below it: its own fold, turned round when its name is folded. */
export function isFolded({ rows, names }: Folding, row: number, name: number): boolean {
  return rows.has(row) !== names.has(name);
}

/** The lines that are left when what is folded hides what is below it. */
export function visibleLines(columns: SpanColumns, tree: TreeOrder, folding: Folding): Lines {
  const { order, below } = tree;
  const positions = new Int32Array(order.length);
  const nothing = folding.rows.size === 0 && folding.names.size === 0;
  let count = 0;
  for (let at = 0; at < order.length; at++) {
    positions[count++] = at;
    const row = order[at]!;
    if (!nothing && below[at]! > 0 && isFolded(folding, row, columns.name[row]!)) at += below[at]!;
  }
  return linesAt(columns, tree, folding, positions.subarray(0, count));
}

function linesAt(columns: SpanColumns, tree: TreeOrder, folding: Folding, positions: Int32Array): Lines {
  const lines = emptyLines(positions.length);
  for (let line = 0; line < positions.length; line++) {
    const at = positions[line]!;
    const row = tree.order[at]!;
    const below = tree.below[at]!;
    lines.row[line] = row;
    lines.position[line] = at;
    lines.depth[line] = tree.depth[at]!;
    lines.below[line] = below;
    const folded = below > 0 && isFolded(folding, row, columns.name[row]!);
    const parent = (below > 0 ? PARENT : 0) | (folded ? COLLAPSED : 0);
    lines.facts[line] = columns.facts[row]! | (tree.marks[at]! & ERROR_BELOW) | parent;
    lines.start[line] = columns.start[row]!;
    lines.end[line] = columns.end[row]!;
    lines.name[line] = columns.name[row]!;
    lines.attempt[line] = columns.attempt[row]!;
    lines.blockedMs[line] = columns.blockedMs[row]!;
    lines.queuedMs[line] = columns.queuedMs[row]!;
    lines.backoffMs[line] = columns.backoffMs[row]!;
  }
  return lines;
}

/** Lines that all are zero. */
export function emptyLines(count: number): Lines {
  return {
    count,
    row: new Int32Array(count),
    position: new Int32Array(count),
    depth: new Int32Array(count),
    below: new Int32Array(count),
    facts: new Uint8Array(count),
    start: new Float64Array(count),
    end: new Float64Array(count),
    name: new Int32Array(count),
    attempt: new Uint16Array(count),
    blockedMs: new Float32Array(count),
    queuedMs: new Float32Array(count),
    backoffMs: new Float32Array(count),
  };
}
