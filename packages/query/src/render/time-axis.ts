import { formatDuration } from "./format-duration.ts";
import { cellWidth } from "./text-width.ts";

/** A tick of a time axis. */
export interface Tick {
  /** Cell from the left edge. */
  readonly cell: number;
  readonly label: string;
}

/** Fewest cells between two ticks: a usual label and some air. */
const TICK_CELLS = 9;

/** Ticks at round times from 0 to `totalNs` over so many cells. */
export function ticksFor(totalNs: number, cells: number): Tick[] {
  const step = roundStep((totalNs * TICK_CELLS) / cells);
  const ticks: Tick[] = [{ cell: 0, label: "0" }];
  if (!(step > 0)) return ticks;
  let lastEnd = 1;
  for (let ns = step; ns <= totalNs; ns += step) {
    const cell = Math.floor((ns / totalNs) * cells);
    const label = trimZeros(formatDuration(ns));
    if (cell + cellWidth(label) <= cells && cell > lastEnd) ticks.push({ cell, label });
    lastEnd = cell + cellWidth(label);
  }
  return ticks;
}

/** Labels in one line of `cells`. */
export function axisLine(ticks: readonly Tick[], cells: number): string {
  let line = "";
  for (const { cell, label } of ticks) line = line.padEnd(cell) + label;
  return line.padEnd(cells);
}

const NS_PER_MINUTE = 60e9;

/** The least of 1, 2, 5 times a power of ten that is at least `ns`; from a minute up, what clocks count in. */
function roundStep(ns: number): number {
  if (ns > 20e9) {
    for (const minutes of [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720]) {
      if (minutes * NS_PER_MINUTE >= ns) return minutes * NS_PER_MINUTE;
    }
    return Math.ceil(ns / (1_440 * NS_PER_MINUTE)) * 1_440 * NS_PER_MINUTE;
  }
  const power = 10 ** Math.floor(Math.log10(ns));
  return power * ([1, 2, 5].find((factor) => factor * power >= ns * 0.999) ?? 10);
}

function trimZeros(text: string): string {
  return text.replace(/\.0+ /, " ").replace(/(\.\d*?)0+ /, "$1 ");
}
