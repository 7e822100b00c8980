/** Microseconds since the Unix epoch, by the runner's clock. */
export type NowUs = () => number;

/** How far the two clocks may drift apart before the precise one is anchored again, in milliseconds. */
const MAX_DRIFT_MS = 2;

/** What anchoring it again can set it back by, and rounding a time so large: a wall clock that was set goes back further. */
const MAX_BACK_US = MAX_DRIFT_MS * 1000 + 1;

/**
 * Makes a clock that has the wall clock's time and the monotonic clock's resolution.
 *
 * `Date.now()` alone has whole milliseconds, in which a tiny task begins and ends at once. It only goes back when the wall
 * clock is set back: not for drift, nor for a pause between looking at the one clock and at the other.
 */
export function preciseClock(wallMs: () => number = Date.now, monotonicMs = () => performance.now()): NowUs {
  let offsetMs = wallMs() - monotonicMs();
  let lastUs = Number.NEGATIVE_INFINITY;
  const readUs: NowUs = () => {
    const wall = wallMs();
    const precise = monotonicMs() + offsetMs;
    if (Math.abs(precise - wall) <= MAX_DRIFT_MS) return Math.round(precise * 1000);
    offsetMs = wall - monotonicMs();
    return wall * 1000;
  };
  return () => {
    const us = readUs();
    if (us >= lastUs || us < lastUs - MAX_BACK_US) lastUs = us;
    return lastUs;
  };
}

/** Most things of one microsecond that are told apart. */
const MAX_TIES = 999;

/**
 * Tells things apart that come one after the other at one time: gives the nanoseconds that each is put after its time.
 *
 * The runner's clock may stand still for a moment, and what was recorded before its lease by that clock is put at the
 * lease. Who sorts by time alone finds the order in which it came all the same.
 */
export function tieBreaker(): (timeUs: number) => number {
  let lastUs = Number.NaN;
  let ties = 0;
  return (timeUs) => {
    ties = timeUs === lastUs ? Math.min(ties + 1, MAX_TIES) : 0;
    lastUs = timeUs;
    return ties;
  };
}
