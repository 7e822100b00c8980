/** A tick of an axis of time. */
export interface ClockTick {
  ms: number;
  label: string;
}

const MINUTE = 60_000;
const DAY = 86_400_000;
const steps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000],
  ...[1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => minutes * MINUTE),
  ...[1, 2, 7, 14, 30, 90, 365].map((days) => days * DAY),
];

/** Ticks at round times of the reader's clock, a label's width apart at least. */
export function clockTicks(fromMs: number, toMs: number, most: number): ClockTick[] {
  const least = (toMs - fromMs) / Math.max(1, most);
  const step = steps.find((each) => each >= least) ?? Math.ceil(least / (365 * DAY)) * 365 * DAY;
  // Round by the clock on the wall, not by the one in Greenwich.
  const shift = -new Date(fromMs).getTimezoneOffset() * MINUTE;
  const ticks: ClockTick[] = [];
  for (let at = Math.ceil((fromMs + shift) / step); at * step - shift <= toMs; at++) {
    const ms = at * step - shift;
    ticks.push({ ms, label: clockLabel(ms, step) });
  }
  return ticks;
}

/** A time as exact as steps of this width need. */
export function clockLabel(ms: number, stepMs: number): string {
  const time = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  if (stepMs >= DAY) return time.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  const minutes = `${two(time.getHours())}:${two(time.getMinutes())}`;
  if (stepMs >= MINUTE) {
    const midnight = time.getHours() === 0 && time.getMinutes() === 0;
    return midnight ? time.toLocaleDateString(undefined, { month: "short", day: "numeric" }) : minutes;
  }
  const seconds = `${minutes}:${two(time.getSeconds())}`;
  return stepMs >= 1_000 ? seconds : `${seconds}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
