/** Microseconds since the Unix epoch, by the runner's clock. */
export type NowUs = () => number;

/** How far the two clocks may drift apart before the precise one is anchored again, in milliseconds. */
const MAX_DRIFT_MS = 2;

/**
 * Makes a clock that has the wall clock's time and the monotonic clock's resolution.
 *
 * `Date.now()` alone has whole milliseconds, in which a tiny task begins and ends at once.
 */
export function preciseClock(wallMs: () => number = Date.now, monotonicMs = () => performance.now()): NowUs {
  let offsetMs = wallMs() - monotonicMs();
  return () => {
    const wall = wallMs();
    const precise = monotonicMs() + offsetMs;
    if (Math.abs(precise - wall) <= MAX_DRIFT_MS) return Math.round(precise * 1000);
    offsetMs = wall - monotonicMs();
    return wall * 1000;
  };
}
