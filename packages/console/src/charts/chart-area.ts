/** Where a chart draws, in pixels: within are its marks, around them its axes. */
export interface ChartArea {
  left: number;
  top: number;
  width: number;
  height: number;
}

export const AXIS_LEFT = 56;
const AXIS_BOTTOM = 20;
const TOP = 8;
const RIGHT = 8;

export function chartArea(width: number, height: number): ChartArea {
  return {
    left: AXIS_LEFT,
    top: TOP,
    width: Math.max(40, width - AXIS_LEFT - RIGHT),
    height: height - TOP - AXIS_BOTTOM,
  };
}

/** A part of time that a chart shows. */
export interface ShownTime {
  fromMs: number;
  toMs: number;
}

export function xOfTime({ left, width }: ChartArea, { fromMs, toMs }: ShownTime, ms: number): number {
  return left + ((ms - fromMs) / (toMs - fromMs)) * width;
}

export function timeOfX({ left, width }: ChartArea, { fromMs, toMs }: ShownTime, x: number): number {
  const part = Math.min(1, Math.max(0, (x - left) / width));
  return fromMs + part * (toMs - fromMs);
}

/** The bucket a pixel lies in. */
export function bucketAt(area: ChartArea, time: ShownTime, starts: readonly number[], x: number): number {
  const ms = timeOfX(area, time, x);
  return Math.max(
    0,
    starts.findLastIndex((start) => start <= ms),
  );
}

/** The times of a drag; of a press the whole bucket. */
export function brushedTime(
  { area, time, starts }: { area: ChartArea; time: ShownTime; starts: readonly number[] },
  fromX: number,
  toX: number,
): ShownTime {
  const stepMs = (starts[1] ?? time.toMs) - (starts[0] ?? time.fromMs);
  if (Math.abs(toX - fromX) < LEAST_DRAG_PX) {
    const start = starts[bucketAt(area, time, starts, fromX)] ?? time.fromMs;
    return { fromMs: start, toMs: start + stepMs };
  }
  const [left, right] = [Math.min(fromX, toX), Math.max(fromX, toX)].map((x) => timeOfX(area, time, x)) as [
    number,
    number,
  ];
  return { fromMs: Math.floor(left), toMs: Math.max(Math.floor(left) + 1, Math.ceil(right)) };
}

/** What moves less was meant as a press. */
export const LEAST_DRAG_PX = 4;
