/** The part of time that is shown. Units: nanoseconds from the first span's start; pixels. */
export interface TimeScale {
  from: number;
  to: number;
  width: number;
}

/** The least that is shown: below it bars would be drawn by rounding. */
const LEAST_NS = 50;

/** Where a time is, in pixels from the left. */
export function xOf({ from, to, width }: TimeScale, ns: number): number {
  return ((ns - from) / (to - from)) * width;
}

/** The time at a pixel. */
export function timeAt({ from, to, width }: TimeScale, x: number): number {
  return from + (x / width) * (to - from);
}

/** Zooms by a factor, below 1 in, about the time at a pixel; never out of `whole`. */
export function zoomAt(scale: TimeScale, factor: number, x: number, whole: { from: number; to: number }): TimeScale {
  const about = timeAt(scale, x);
  const most = whole.to - whole.from;
  const length = Math.min(most, Math.max(Math.min(LEAST_NS, most), (scale.to - scale.from) * factor));
  const from = about - (x / scale.width) * length;
  return within({ from, to: from + length, width: scale.width }, whole);
}

/** Moves by pixels; never out of `whole`. */
export function panBy(scale: TimeScale, pixels: number, whole: { from: number; to: number }): TimeScale {
  const by = (pixels / scale.width) * (scale.to - scale.from);
  return within({ ...scale, from: scale.from + by, to: scale.to + by }, whole);
}

/** Moves what is shown into `whole`, as long as it is if it fits. */
export function within(scale: TimeScale, whole: { from: number; to: number }): TimeScale {
  const length = Math.min(scale.to - scale.from, whole.to - whole.from);
  const from = Math.min(Math.max(scale.from, whole.from), whole.to - length);
  return { from, to: from + length, width: scale.width };
}

/** Shows a span with some of what is around it. */
export function around(
  span: { start: number; end: number },
  whole: { from: number; to: number },
  width: number,
): TimeScale {
  const length = Math.max(LEAST_NS, span.end - span.start) * 1.2;
  const from = (span.start + span.end - length) / 2;
  return within({ from, to: from + length, width }, whole);
}
