import type { TimeScale } from "./time-scale.ts";

/** A tick of the axis. */
export interface Tick {
  ns: number;
  label: string;
}

/** Fewest pixels between ticks: a label and some air. */
const TICK_PX = 90;
const MINUTE = 60e9;
const clockSteps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1_440].map((minutes) => minutes * MINUTE);

/** Ticks at round times, labelled in one unit with as many digits as their step needs. */
export function ticksOf({ from, to, width }: TimeScale): Tick[] {
  const step = roundStep(((to - from) * TICK_PX) / width);
  const ticks: Tick[] = [];
  for (let at = Math.ceil(from / step); at * step <= to; at++)
    ticks.push({ ns: at * step, label: tickLabel(at * step, step) });
  return ticks;
}

/** The least round step of at least so many nanoseconds: 1, 2, 5 times a power of ten, or what clocks count in. */
export function roundStep(ns: number): number {
  if (!(ns > 0)) return 1;
  if (ns > 20e9) return clockSteps.find((step) => step >= ns) ?? Math.ceil(ns / (1_440 * MINUTE)) * 1_440 * MINUTE;
  const power = 10 ** Math.floor(Math.log10(ns));
  return power * ([1, 2, 5].find((factor) => factor * power >= ns * 0.999) ?? 10);
}

/** A time, exact to the step. */
export function tickLabel(ns: number, step: number): string {
  if (ns === 0) return "0";
  const sign = ns < 0 ? "−" : "";
  const size = Math.abs(ns);
  if (step >= 30e9) return sign + clockLabel(size);
  const [unit, name] = size >= 1e9 ? [1e9, "s"] : size >= 1e6 ? [1e6, "ms"] : size >= 1e3 ? [1e3, "µs"] : [1, "ns"];
  const digits = Math.max(0, Math.ceil(Math.log10(unit / step) - 1e-9));
  return `${sign}${(size / unit).toFixed(digits)} ${name}`;
}

function clockLabel(ns: number): string {
  const seconds = Math.round(ns / 1e9);
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), seconds % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
