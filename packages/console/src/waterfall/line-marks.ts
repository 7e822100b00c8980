import type { SpanColumns } from "./span-columns.ts";
import { COLLAPSED, ERROR } from "./span-facts.ts";
import type { TreeOrder } from "./tree-order.ts";
import type { Lines } from "./visible-lines.ts";

/**
 * Stretches of time that are drawn upon lines, those of one line together, lines from the top.
 *
 * Units: as starts and ends of spans; NaN in `to` for one that lasts until now.
 */
export interface LineMarks {
  line: Int32Array;
  from: Float64Array;
  to: Float64Array;
}

/** A stretch of a span's time. */
export interface SpanStretch {
  row: number;
  from: number;
  to: number;
}

/** No marks at all. */
export function noMarks(): LineMarks {
  return { line: new Int32Array(0), from: new Float64Array(0), to: new Float64Array(0) };
}

/** The failed spans that folds hide, each upon the line that hides it: so they are seen however much is folded. */
export function hiddenFailures(columns: SpanColumns, { order, below }: TreeOrder, lines: Lines): LineMarks {
  if (lines.count === order.length) return noMarks();
  const found: number[] = [];
  const at: number[] = [];
  for (let line = 0; line < lines.count; line++) {
    if ((lines.facts[line]! & COLLAPSED) === 0) continue;
    const position = lines.position[line]!;
    for (let hidden = position + 1; hidden <= position + below[position]!; hidden++) {
      if ((columns.facts[order[hidden]!]! & ERROR) === 0) continue;
      found.push(line);
      at.push(order[hidden]!);
    }
  }
  return {
    line: Int32Array.from(found),
    from: Float64Array.from(at, (row) => columns.start[row]!),
    to: Float64Array.from(at, (row) => columns.end[row]!),
  };
}

/** Stretches of spans upon their lines, or upon the lines that hide them. */
export function marksOf(stretches: readonly SpanStretch[], positions: Int32Array, lines: Lines): LineMarks {
  const placed = stretches
    .map(({ row, from, to }) => ({ line: lineOf(lines, positions[row]!), from, to }))
    .sort((a, b) => a.line - b.line || a.from - b.from);
  return {
    line: Int32Array.from(placed, ({ line }) => line),
    from: Float64Array.from(placed, ({ from }) => from),
    to: Float64Array.from(placed, ({ to }) => to),
  };
}

/** The line that shows a position of the tree, or hides it: the last one that is not after it. */
export function lineOf({ position, count }: Pick<Lines, "position" | "count">, wanted: number): number {
  return firstFrom(position.subarray(0, count), wanted + 1) - 1;
}

/** The first mark of a line; one past the last mark when neither it nor a line after it has one. */
export function firstMarkOf({ line }: LineMarks, wanted: number): number {
  return firstFrom(line, wanted);
}

/** Whether a line has a mark. */
export function isMarked(marks: LineMarks, line: number): boolean {
  return isAmong(marks.line, line);
}

/** Whether a number is among numbers that only grow. */
export function isAmong(sorted: Int32Array, wanted: number): boolean {
  return sorted[firstFrom(sorted, wanted)] === wanted;
}

/** Where the first number is that is not below another, in numbers that only grow. */
function firstFrom(sorted: Int32Array, wanted: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
