/** How far a stretch of a runner's time is off the server's, and where it lies. Microseconds. */
export interface ClockStretch {
  /** What the server's clock shows when the runner's shows 0. */
  offsetUs: number;
  /** From when on it holds, by the runner's clock. */
  fromUs: number;
  /** Where it ends by the server's clock. */
  ceilingUs: number;
}

/** Heartbeats that all have to say that a clock is behind, or fell behind: each may have been late instead. */
const SAMPLES = 3;
/**
 * A clock is taken for right while heartbeats arrive less than a second after it: so long they may take on a busy
 * machine, and spans moved by a wrong second are worse than spans off by a right one.
 */
export const CLOCK_TOLERANCE_US = 1_000_000;
/** No heartbeat can arrive before it was sent, so a clock that is ahead by more than this is known to be. */
const AHEAD_TOLERANCE_US = 100_000;
/** Nobody waits for a heartbeat for so long: the clock was set back. */
const CERTAIN_US = 60_000_000;
/** Stretches remembered: a clock that drifts by 200 ppm begins one every hour and a half. */
const MAX_STRETCHES = 16;

/**
 * A runner's clock, as its heartbeats tell it.
 *
 * A heartbeat names the runner's time when it was sent; it arrives later by the way it took. So the difference is the
 * offset at most, and the least of several is the best guess of it. An offset once taken is kept until heartbeats speak
 * clearly against it: the same span sent twice gets the same times, and so stays one span.
 *
 * I1. Times of one stretch keep their order and distances, but where they are cut at its ends; a later stretch begins
 *     where the one before it ended, so a clock that is set back does not put what came later before what came first.
 */
export class RunnerClock {
  readonly #stretches: ClockStretch[] = [];
  #recentUs: number[] = [];
  #heardAtUs = 0;

  /** Whether any heartbeat told of it. */
  get isMeasured(): boolean {
    return this.#stretches.length > 0;
  }

  /** The stretch it is in now. */
  get stretch(): ClockStretch {
    return this.#stretches.at(-1) ?? unmeasured;
  }

  /** Takes a heartbeat's word: sent by the runner's clock, received by the server's. */
  heard(sentAtUs: number, receivedAtUs: number): void {
    const differenceUs = Math.round(receivedAtUs - sentAtUs);
    this.#recentUs = [...this.#recentUs, differenceUs].slice(-SAMPLES);
    const offsetUs = this.#stretches.length === 0 ? firstOffset(differenceUs) : this.#changedOffset(differenceUs);
    if (offsetUs !== undefined) this.#begin(offsetUs, sentAtUs, receivedAtUs);
    this.#heardAtUs = receivedAtUs;
  }

  #changedOffset(differenceUs: number): number | undefined {
    const changeUs = differenceUs - this.stretch.offsetUs;
    if (changeUs < -AHEAD_TOLERANCE_US || changeUs > CERTAIN_US) return differenceUs;
    const leastUs = Math.min(...this.#recentUs);
    return this.#recentUs.length === SAMPLES && leastUs - this.stretch.offsetUs > CLOCK_TOLERANCE_US
      ? leastUs
      : undefined;
  }

  #begin(offsetUs: number, sentAtUs: number, receivedAtUs: number): void {
    const last = this.#stretches.at(-1);
    this.#recentUs = [Math.round(receivedAtUs - sentAtUs)];
    const ceilingUs = Number.POSITIVE_INFINITY;
    if (!last) {
      this.#stretches.push({ offsetUs, fromUs: Number.NEGATIVE_INFINITY, ceilingUs });
      return;
    }
    // It changed at some time after the heartbeat before.
    last.ceilingUs = this.#heardAtUs;
    this.#stretches.push({ offsetUs, fromUs: this.#heardAtUs - offsetUs, ceilingUs });
    if (this.#stretches.length > MAX_STRETCHES) this.#stretches.shift();
  }

  /** The stretch a time of the runner's lies in, told by `receivedAtUs`: the latest that does not put it later. */
  stretchOf(us: number, receivedAtUs: number): ClockStretch {
    for (let i = this.#stretches.length - 1; i > 0; i--) {
      const stretch = this.#stretches[i]!;
      if (us >= stretch.fromUs && us + stretch.offsetUs <= receivedAtUs + AHEAD_TOLERANCE_US) return stretch;
    }
    return this.#stretches[0] ?? unmeasured;
  }
}

const unmeasured: ClockStretch = {
  offsetUs: 0,
  fromUs: Number.NEGATIVE_INFINITY,
  ceilingUs: Number.POSITIVE_INFINITY,
};

function firstOffset(differenceUs: number): number {
  return differenceUs < -AHEAD_TOLERANCE_US || differenceUs > CLOCK_TOLERANCE_US ? differenceUs : 0;
}
