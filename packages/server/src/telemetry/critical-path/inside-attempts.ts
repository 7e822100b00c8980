import type { Segment } from "./critical-path.ts";
import type { PathSpans } from "./path-spans.ts";

/** A span while its part of the path is found. */
interface Frame {
  row: number;
  depth: number;
  floorUs: number;
  /** Spans below it, the last to end first. */
  below: readonly number[];
  next: number;
}

/** What leads into attempts. */
export interface InsideAttempts {
  spans: PathSpans;
  /** The first row that is of a user span; all after it are. */
  userRow: number;
  /** What segments count from, in microseconds since the epoch. */
  startUs: number;
}

/**
 * Goes on from attempts on a path into the user spans below them: back from the end of the attempt, into the span that
 * ended last, and so on; what lies between spans is their parent's own.
 *
 * Each segment of an attempt becomes segments of the same length in all, whatever the spans' times are (I1 of
 * criticalPath). A span that has not ended lasts as long as its attempt does, if that has not ended either, and is left out
 * otherwise: nothing tells how long it was at work.
 */
export function insideAttempts(segments: readonly Segment[], inside: InsideAttempts): Segment[] {
  const walk = new InsideWalk(inside);
  return segments.flatMap((segment) => (segment.kind === "running" ? walk.segmentsOf(segment) : [segment]));
}

class InsideWalk {
  readonly #spans: PathSpans;
  readonly #startUs: number;
  readonly #below = new Map<number, number[]>();

  constructor({ spans, userRow, startUs }: InsideAttempts) {
    this.#spans = spans;
    this.#startUs = startUs;
    const parents = spans.index.rowsOf(spans.parentIds);
    for (let row = userRow; row < spans.rows; row++) {
      const parent = parents[row]!;
      const known = this.#below.get(parent);
      if (known) known.push(row);
      else if (parent >= 0) this.#below.set(parent, [row]);
    }
  }

  /** Each row has one parent, so the walk from an attempt down comes to an end on any input. */
  segmentsOf(segment: Segment): Segment[] {
    if (!this.#below.has(segment.row)) return [segment];
    const isOpen = Number.isNaN(this.#spans.times.end_us[segment.row]);
    const found: Segment[] = [];
    let cursorUs = segment.toUs;
    const emit = ({ row, depth }: Frame, fromUs: number): void => {
      if (fromUs < cursorUs) found.push({ row, depth, kind: "running", fromUs, toUs: cursorUs });
      cursorUs = Math.min(cursorUs, fromUs);
    };
    const stack = [this.#frame(segment.row, segment.depth, { floorUs: segment.fromUs, isOpen })];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const row = cursorUs > top.floorUs ? top.below[top.next++] : undefined;
      if (row === undefined) {
        emit(top, top.floorUs);
        stack.pop();
        continue;
      }
      const endUs = Math.min(this.#endOf(row), cursorUs);
      const floorUs = Math.max(this.#startOf(row), top.floorUs);
      if (endUs <= floorUs) continue;
      emit(top, endUs);
      stack.push(this.#frame(row, top.depth + 1, { floorUs, isOpen }));
    }
    return found.reverse();
  }

  #frame(row: number, depth: number, { floorUs, isOpen }: { floorUs: number; isOpen: boolean }): Frame {
    const below = (this.#below.get(row) ?? [])
      .filter((each) => isOpen || this.#endOf(each) < Number.POSITIVE_INFINITY)
      .sort((a, b) => compare(this.#endOf(b), this.#endOf(a)) || this.#startOf(a) - this.#startOf(b));
    return { row, depth, floorUs, below, next: 0 };
  }

  #startOf(row: number): number {
    return this.#spans.times.start_us[row]! - this.#startUs;
  }

  #endOf(row: number): number {
    const endUs = this.#spans.times.end_us[row]!;
    return Number.isNaN(endUs) ? Number.POSITIVE_INFINITY : endUs - this.#startUs;
  }
}

/** As a difference, for what may be infinite. */
function compare(a: number, b: number): number {
  return a < b ? -1 : Number(a > b);
}
