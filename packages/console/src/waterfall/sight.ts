import type { LineArea } from "./hit-test.ts";
import { type TimeScale, within } from "./time-scale.ts";

/** What part of the lines and of time is in sight. Units: pixels; nanoseconds from the first span's start. */
export interface Sight {
  area: LineArea;
  scale: TimeScale;
  /** All of time there is. */
  whole: { from: number; to: number };
  lines: number;
  width: number;
  height: number;
  /** Width of the names as somebody wants it; they get less where there is little room. */
  namesWanted: number;
}

const AREA = { top: 26, lineHeight: 22, names: 320, scrollTop: 0 };
const LEAST_NAMES_PX = 80;
/** Their share of the canvas at most. */
const MOST_NAMES = 0.45;

/** Nothing in sight yet. */
export function emptySight(): Sight {
  return {
    area: { ...AREA },
    scale: { from: 0, to: 1, width: 1 },
    whole: { from: 0, to: 1 },
    lines: 0,
    width: 0,
    height: 0,
    namesWanted: AREA.names,
  };
}

/** Whether all of time is in sight. */
export function showsAll({ scale, whole }: Sight): boolean {
  return scale.from <= whole.from && scale.to >= whole.to;
}

/** Whether the end of time is in sight, but for a pixel. */
function showsEnd({ scale, whole }: Sight): boolean {
  return scale.to + (scale.to - scale.from) / scale.width >= whole.to;
}

/**
 * There is more time, or there are other lines. All of time stays all of it, and who looks at its end goes on looking at
 * its end; anything else stays where it is.
 */
export function withDrawn(sight: Sight, drawn: { whole: { from: number; to: number }; lines: number }): Sight {
  const { whole, lines } = drawn;
  const { scale } = sight;
  const by = showsEnd(sight) ? whole.to - sight.whole.to : 0;
  const moved = showsAll(sight) ? { ...whole, width: scale.width } : moveBy(scale, by);
  return scrolledTo({ ...sight, whole: { ...whole }, lines, scale: within(moved, whole) }, sight.area.scrollTop);
}

/** Time has gone on, as open spans do. */
export function grownTo(sight: Sight, now: number): Sight {
  const { whole, lines } = sight;
  return now > whole.to ? withDrawn(sight, { whole: { from: whole.from, to: now }, lines }) : sight;
}

function moveBy({ from, to, width }: TimeScale, by: number): TimeScale {
  return { from: from + by, to: to + by, width };
}

/** The canvas has another size. */
export function withSize(sight: Sight, { width, height }: { width: number; height: number }): Sight {
  return withNames({ ...sight, width, height }, sight.namesWanted);
}

/** The names have another width. */
export function withNames(sight: Sight, namesWanted: number): Sight {
  const most = Math.round(sight.width * MOST_NAMES);
  const names = Math.max(Math.min(LEAST_NAMES_PX, most), Math.min(namesWanted, most));
  const scale = { ...sight.scale, width: Math.max(1, sight.width - names) };
  return scrolledTo({ ...sight, namesWanted, area: { ...sight.area, names }, scale }, sight.area.scrollTop);
}

/** Another part of time is in sight. */
export function scaledTo(sight: Sight, scale: TimeScale): Sight {
  return { ...sight, scale: within(scale, sight.whole) };
}

/** Other lines are in sight: never past the last. */
export function scrolledTo(sight: Sight, scrollTop: number): Sight {
  const { area, lines, height } = sight;
  const most = lines * area.lineHeight - (height - area.top);
  return { ...sight, area: { ...area, scrollTop: Math.max(0, Math.min(scrollTop, most)) } };
}
