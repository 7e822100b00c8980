import type { FlameTree } from "./flame-tree.ts";

/** A node where it is drawn. Units: parts of the whole width, 0..1; rows from the top. */
export interface FlameFrame {
  node: number;
  from: number;
  width: number;
  row: number;
  /** Whether it is above what is zoomed into, and as wide as all for that. */
  above: boolean;
}

/** What is drawn of a flame chart. */
export interface FlameLayout {
  frames: FlameFrame[];
  rows: number;
  /** Nodes that are too narrow to be drawn, or lie too deep. */
  hidden: number;
}

/** Rows that are drawn: to see what lies deeper one zooms in. */
export const MOST_ROWS = 100;

/**
 * The frames of what is zoomed into, and of what is above it.
 *
 * What is narrower than `least` is left out with all below it, so that what this costs does not depend on how many nodes
 * there are but on how many can be seen.
 */
export function flameLayout(
  flame: FlameTree,
  { weights, zoom, least }: { weights: Float64Array; zoom: number; least: number },
): FlameLayout {
  const frames: FlameFrame[] = pathTo(flame, zoom).map((node, row) => ({ node, from: 0, width: 1, row, above: true }));
  const top = frames.length;
  const shown = new Layers(flame, weights, least);
  if (zoom === 0) shown.below({ node: 0, from: 0, width: 1, row: top - 1, above: false });
  else shown.add({ node: zoom, from: 0, width: 1, row: top, above: false });
  for (let at = 0; at < shown.frames.length; at++) {
    const frame = shown.frames[at]!;
    if (frame.row + 1 < top + MOST_ROWS) shown.below(frame);
    else if (flame.firstChild[frame.node] !== 0) shown.hidden += 1;
  }
  const all = frames.concat(shown.frames);
  return { frames: all, rows: all.reduce((most, { row }) => Math.max(most, row + 1), 0), hidden: shown.hidden };
}

/** Nodes from the top down to the one above a node. */
export function pathTo({ parent }: Pick<FlameTree, "parent">, node: number): number[] {
  const path: number[] = [];
  for (let above = node === 0 ? 0 : parent[node]!; above !== 0; above = parent[above]!) path.unshift(above);
  return path;
}

/** Frames layer by layer. */
class Layers {
  readonly frames: FlameFrame[] = [];
  hidden = 0;
  readonly #flame: FlameTree;
  readonly #weights: Float64Array;
  readonly #least: number;

  constructor(flame: FlameTree, weights: Float64Array, least: number) {
    [this.#flame, this.#weights, this.#least] = [flame, weights, least];
  }

  add(frame: FlameFrame): void {
    this.frames.push(frame);
  }

  /** Adds what is below a frame, scaled down where it would be wider than the frame. */
  below({ node, from, width, row }: FlameFrame): void {
    const { firstChild, nextSibling } = this.#flame;
    let sum = 0;
    for (let child = firstChild[node]!; child !== 0; child = nextSibling[child]!) sum += this.#weights[child]!;
    const whole = Math.max(sum, this.#weights[node]!);
    if (whole <= 0) return;
    let at = from;
    for (let child = firstChild[node]!; child !== 0; child = nextSibling[child]!) {
      const wide = (this.#weights[child]! / whole) * width;
      if (wide >= this.#least) this.add({ node: child, from: at, width: wide, row: row + 1, above: false });
      else this.hidden += 1;
      at += wide;
    }
  }
}
