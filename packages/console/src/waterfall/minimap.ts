import type { SpanColumns } from "./span-columns.ts";
import { ERROR, TYPE_BITS } from "./span-facts.ts";

/** How much ran when, in columns of equal time. */
export interface Minimap {
  from: number;
  to: number;
  /** How many attempts ran on average; without attempts, spans. */
  running: Float32Array;
  /** Whether something failed that ended then. */
  errors: Uint8Array;
}

const ATTEMPT = 3;

/** Counts what runs over time. Open spans run until `now`. Linear in spans, however long they are. */
export function minimapOf(columns: SpanColumns, width: number, span: { from: number; to: number }): Minimap {
  const { count, start, end, facts } = columns;
  const { from, to } = span;
  const scale = to > from ? width / (to - from) : 0;
  let attempts = false;
  for (let row = 0; row < count && !attempts; row++) attempts = (facts[row]! & TYPE_BITS) === ATTEMPT;
  // Differences of area and of slope, summed at the end: a span costs four additions.
  const [area, level] = [new Float64Array(width + 2), new Float64Array(width + 2)];
  const errors = new Uint8Array(width);
  for (let row = 0; row < count; row++) {
    const fact = facts[row]!;
    const endX = Math.min(width, Math.max(0, ((Number.isNaN(end[row]!) ? to : end[row]!) - from) * scale));
    if ((fact & ERROR) !== 0) errors[Math.min(width - 1, Math.floor(endX))] = 1;
    if (attempts && (fact & TYPE_BITS) !== ATTEMPT) continue;
    const startX = Math.min(width, Math.max(0, (start[row]! - from) * scale));
    edge(area, level, startX, 1);
    edge(area, level, endX, -1);
  }
  const running = new Float32Array(width);
  let now = 0;
  for (let x = 0; x < width; x++) {
    running[x] = Math.max(0, now + area[x]!);
    now += level[x]!;
  }
  return { from, to, running, errors };
}

/** From `x` on there is one more, or less: within its column for the rest of it. */
function edge(area: Float64Array, level: Float64Array, x: number, by: number): void {
  const column = Math.floor(x);
  area[column]! += by * (column + 1 - x);
  level[column]! += by;
}
