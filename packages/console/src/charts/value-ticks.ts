import { roundStep } from "../waterfall/tick-labels.ts";

/** Round values from nothing up to at least the most there is, for an axis. */
export function valueTicks(most: number, ticks: number): number[] {
  if (!(most > 0)) return [0, 1];
  const step = decimalStep(most / ticks);
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, at) => at * step);
}

/** Ticks for lengths of time in nanoseconds: round in the unit that they are read in. */
export function durationTicks(mostNs: number, ticks: number): number[] {
  if (!(mostNs > 0)) return [0, 1];
  const step = roundStep(mostNs / ticks);
  const count = Math.ceil(mostNs / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, at) => at * step);
}

function decimalStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least * 0.999) ?? 10);
}
