import type { RecordBatch } from "apache-arrow";
import { type BatchTarget, NameTable, putBatch } from "./batch-rows.ts";
import { hiddenFailures, marksOf, type SpanStretch } from "./line-marks.ts";
import { minimapOf } from "./minimap.ts";
import { SpanColumns } from "./span-columns.ts";
import { ERROR, OPEN } from "./span-facts.ts";
import { rowsAbove, type SpanSearch, searchSpans } from "./span-search.ts";
import { type TreeOrder, treeOrder } from "./tree-order.ts";
import { isFolded, visibleLines } from "./visible-lines.ts";
import type { WaterfallDrawing } from "./waterfall-messages.ts";

const MINIMAP_COLUMNS = 1_024;

/** A time of a span that is marked. */
export interface MarkedTime {
  spanId: string;
  /** Epoch nanoseconds. */
  startNs: bigint;
  durationNs: number;
}

/**
 * The spans of a job as they come, and what is shown of them.
 *
 * I1. The tree is made anew only when spans have come since it was.
 * I2. A drawing holds copies: it can be given away.
 */
export class WaterfallModel {
  readonly #target: BatchTarget = { columns: new SpanColumns(), names: new NameTable() };
  readonly #folding = { rows: new Set<number>(), names: new Set<number>() };
  #tree: TreeOrder | undefined;
  #positions: Int32Array | undefined;
  #marked: readonly MarkedTime[] | undefined;

  get spans(): number {
    return this.#target.columns.count;
  }

  /** Takes spans in. */
  put(batch: RecordBatch): void {
    putBatch(this.#target, batch);
    this.#tree = undefined;
    this.#positions = undefined;
  }

  /** Hides what is below a span, or shows it again. */
  fold(row: number): void {
    toggle(this.#folding.rows, row);
  }

  /** Hides what is below all spans of a name, or shows it again; forgets what was said of single ones of them. */
  foldName(name: number): void {
    toggle(this.#folding.names, name);
    const { columns } = this.#target;
    for (const row of this.#folding.rows) if (columns.name[row] === name) this.#folding.rows.delete(row);
  }

  /** Shows all there is. */
  unfoldAll(): void {
    this.#folding.rows.clear();
    this.#folding.names.clear();
  }

  /** Marks times of spans in drawings to come, those of spans that have not come yet once they have. */
  mark(marked: readonly MarkedTime[] | undefined): void {
    this.#marked = marked;
  }

  /** Positions of what is looked for. */
  search(search: SpanSearch): Int32Array {
    const { columns, names } = this.#target;
    return searchSpans({ columns, tree: this.#order(), names: names.names }, search);
  }

  /** Unfolds what hides a position. Gives its row; -1 when there is no such position. */
  reveal(position: number): number {
    const tree = this.#order();
    const row = tree.order[position];
    if (row === undefined) return -1;
    const { columns } = this.#target;
    for (const above of rowsAbove(tree, position))
      if (isFolded(this.#folding, above, columns.name[above]!)) this.fold(above);
    return row;
  }

  /** The position of the first failure below a row that has no failure below itself; -1 when there is none. */
  failureBelow(row: number): number {
    const { order, below, marks } = this.#order();
    const position = this.#positionOfRows()[row] ?? order.length;
    for (let at = position + 1; at <= position + (below[position] ?? 0); at++)
      if ((this.#target.columns.facts[order[at]!]! & ERROR) !== 0 && marks[at] === 0) return at;
    return -1;
  }

  /** The position of a span id; -1 when it has not come. */
  positionOf(spanId: string): number {
    const row = this.#rowOf(spanId);
    return row === -1 ? -1 : this.#positionOfRows()[row]!;
  }

  /** The id of a row's span. */
  spanId(row: number): string {
    const { idHigh, idLow } = this.#target.columns;
    return [idHigh[row]!, idLow[row]!].map((half) => half.toString(16).padStart(8, "0")).join("");
  }

  /** What is to be drawn. `nowMs` is epoch milliseconds: open spans reach up to it. */
  drawing(nowMs: number): WaterfallDrawing {
    const { columns, names, base = 0n } = this.#target;
    const baseMs = Number(base) / 1e6;
    const { whole, counts } = extentOf(columns, (nowMs - baseMs) * 1e6);
    const lines = visibleLines(columns, this.#order(), this.#folding);
    return {
      lines,
      names: [...names.names],
      minimap: minimapOf(columns, MINIMAP_COLUMNS, whole),
      whole,
      baseMs,
      counts,
      foldedNames: [...this.#folding.names],
      folded: this.#folding.names.size + this.#folding.rows.size > 0,
      hiddenFailures: hiddenFailures(columns, this.#order(), lines),
      ...(this.#marked && { highlight: marksOf(this.#stretches(this.#marked), this.#positionOfRows(), lines) }),
    };
  }

  #order(): TreeOrder {
    this.#tree ??= treeOrder(this.#target.columns);
    return this.#tree;
  }

  #positionOfRows(): Int32Array {
    if (this.#positions) return this.#positions;
    const { order } = this.#order();
    const positions = new Int32Array(order.length);
    for (let at = 0; at < order.length; at++) positions[order[at]!] = at;
    this.#positions = positions;
    return positions;
  }

  #rowOf(spanId: string): number {
    if (!/^[0-9a-f]{16}$/i.test(spanId)) return -1;
    const [high, low] = [spanId.slice(0, 8), spanId.slice(8)].map((half) => Number.parseInt(half, 16));
    return this.#target.columns.rowOf(high!, low!);
  }

  #stretches(marked: readonly MarkedTime[]): SpanStretch[] {
    const { base = 0n } = this.#target;
    return marked.flatMap(({ spanId, startNs, durationNs }) => {
      const row = this.#rowOf(spanId);
      const from = Number(startNs - base);
      return row === -1 ? [] : [{ row, from, to: from + durationNs }];
    });
  }
}

function toggle(set: Set<number>, value: number): void {
  if (!set.delete(value)) set.add(value);
}

/** What all spans take together, their waits before the first start left out. */
function extentOf({ count, start, end, facts }: SpanColumns, now: number): Pick<WaterfallDrawing, "whole" | "counts"> {
  let [from, to, errors, open] = [count === 0 ? 0 : Number.POSITIVE_INFINITY, 0, 0, 0];
  for (let row = 0; row < count; row++) {
    if (start[row]! < from) from = start[row]!;
    const ends = Number.isNaN(end[row]!) ? Math.max(start[row]!, now) : end[row]!;
    if (ends > to) to = ends;
    if ((facts[row]! & ERROR) !== 0) errors += 1;
    if ((facts[row]! & OPEN) !== 0) open += 1;
  }
  return { whole: { from, to: Math.max(to, from + 1) }, counts: { spans: count, errors, open } };
}
