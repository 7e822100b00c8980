import type { SpanColumns } from "../waterfall/span-columns.ts";
import { ERROR, OPEN, TYPE_BITS } from "../waterfall/span-facts.ts";
import type { TreeOrder } from "../waterfall/tree-order.ts";

/**
 * Spans added up by their names and those of all above them: a node for each path of names there is.
 *
 * I1. Node 0 is above all others and no span; a node comes after the one above it, and after those beside it that were
 *     met before.
 * I2. What is below a node are `firstChild` and from there `nextSibling`; 0 ends both.
 * I3. Self times of all nodes sum to what the spans took, without what those below them took in the same time.
 *
 * Units: nanoseconds. Open spans count up to now.
 */
export interface FlameTree {
  count: number;
  parent: Int32Array;
  firstChild: Int32Array;
  nextSibling: Int32Array;
  /** Number of its name. */
  name: Int32Array;
  /** Number of the spans' type. */
  type: Uint8Array;
  spans: Uint32Array;
  errors: Uint32Array;
  open: Uint32Array;
  /** Durations. */
  total: Float64Array;
  /** Durations less the time in which anything below ran. */
  self: Float64Array;
  /** Row of the span that took longest, and how long it took. */
  longestRow: Int32Array;
  longest: Float64Array;
}

/** What is added up of a tree's spans. */
export interface FlameInput {
  columns: Pick<SpanColumns, "start" | "end" | "name" | "facts">;
  tree: Pick<TreeOrder, "order" | "depth">;
  /** How many names there are. */
  names: number;
  /** Where open spans end. */
  now: number;
}

/** Adds spans up. Linear: each span is looked at once, in the order of the tree. */
export function flameTree({ columns, tree, names, now }: FlameInput): FlameTree {
  const { order, depth } = tree;
  const flame = emptyFlame(order.length + 1);
  const nodes = new Map<number, number>();
  const lastChild = new Int32Array(order.length + 1);
  const path = new OpenPath();
  for (let at = 0; at < order.length; at++) {
    const row = order[at]!;
    path.close(depth[at]!, flame);
    const above = path.node();
    const key = above * names + columns.name[row]!;
    let node = nodes.get(key);
    if (node === undefined) {
      node = flame.count++;
      nodes.set(key, node);
      flame.parent[node] = above;
      flame.name[node] = columns.name[row]!;
      flame.type[node] = columns.facts[row]! & TYPE_BITS;
      if (lastChild[above] === 0) flame.firstChild[above] = node;
      else flame.nextSibling[lastChild[above]!] = node;
      lastChild[above] = node;
    }
    const start = columns.start[row]!;
    const end = Number.isNaN(columns.end[row]!) ? now : columns.end[row]!;
    const duration = Math.max(0, end - start);
    add(flame, node, { row, duration, facts: columns.facts[row]! });
    path.open(node, start, start + duration);
  }
  path.close(0, flame);
  return sliced(flame);
}

function add(flame: FlameTree, node: number, span: { row: number; duration: number; facts: number }): void {
  flame.spans[node]! += 1;
  if ((span.facts & ERROR) !== 0) flame.errors[node]! += 1;
  if ((span.facts & OPEN) !== 0) flame.open[node]! += 1;
  flame.total[node]! += span.duration;
  if (flame.longestRow[node] !== -1 && span.duration <= flame.longest[node]!) return;
  flame.longest[node] = span.duration;
  flame.longestRow[node] = span.row;
}

/** The spans from a root down to the one that is looked at, and how much of each was taken by what is below it. */
class OpenPath {
  #depth = 0;
  readonly #nodes: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Up to where something below was seen, and how much of the span that covers. */
  readonly #seen: number[] = [];
  readonly #covered: number[] = [];

  /** The node of the innermost. */
  node(): number {
    return this.#depth === 0 ? 0 : this.#nodes[this.#depth - 1]!;
  }

  open(node: number, start: number, end: number): void {
    const at = this.#depth;
    if (at > 0) this.#cover(at - 1, start, end);
    this.#nodes[at] = node;
    this.#starts[at] = start;
    this.#ends[at] = end;
    this.#seen[at] = start;
    this.#covered[at] = 0;
    this.#depth += 1;
  }

  /** Ends the spans from a depth on: nothing more is below them. */
  close(depth: number, flame: FlameTree): void {
    while (this.#depth > depth) {
      const at = --this.#depth;
      flame.self[this.#nodes[at]!]! += this.#ends[at]! - this.#starts[at]! - this.#covered[at]!;
    }
  }

  /** What is below comes by start, so that what it covers anew begins where the last one ended, or later. */
  #cover(at: number, start: number, end: number): void {
    const from = Math.max(start, this.#seen[at]!);
    const to = Math.min(end, this.#ends[at]!);
    if (to <= from) return;
    this.#covered[at]! += to - from;
    this.#seen[at] = to;
  }
}

function emptyFlame(most: number): FlameTree {
  return {
    count: 1,
    parent: new Int32Array(most),
    firstChild: new Int32Array(most),
    nextSibling: new Int32Array(most),
    name: new Int32Array(most).fill(-1, 0, 1),
    type: new Uint8Array(most),
    spans: new Uint32Array(most),
    errors: new Uint32Array(most),
    open: new Uint32Array(most),
    total: new Float64Array(most),
    self: new Float64Array(most),
    longestRow: new Int32Array(most).fill(-1),
    longest: new Float64Array(most),
  };
}

/** The part of each column that is used. */
function sliced(flame: FlameTree): FlameTree {
  const { count } = flame;
  return {
    count,
    parent: flame.parent.slice(0, count),
    firstChild: flame.firstChild.slice(0, count),
    nextSibling: flame.nextSibling.slice(0, count),
    name: flame.name.slice(0, count),
    type: flame.type.slice(0, count),
    spans: flame.spans.slice(0, count),
    errors: flame.errors.slice(0, count),
    open: flame.open.slice(0, count),
    total: flame.total.slice(0, count),
    self: flame.self.slice(0, count),
    longestRow: flame.longestRow.slice(0, count),
    longest: flame.longest.slice(0, count),
  };
}
