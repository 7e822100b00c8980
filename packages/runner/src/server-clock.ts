import type { NowUs } from "./clock.ts";

/** A question to the server and its answer, each with the time it left and arrived; microseconds. */
export interface ClockSample {
  /** When the question left, by the runner's clock. */
  sentAtUs: number;
  /** When it arrived, by the server's. */
  receivedAtUs: number;
  /** When the answer left, by the server's. */
  answeredAtUs: number;
  /** When it arrived, by the runner's. */
  returnedAtUs: number;
}

/** What an answer says of the clocks; undefined when the server does not tell. */
export function toClockSample(
  answer: { receivedAtUnixNano: bigint; serverTimeUnixNano: bigint },
  sentAtUs: number,
  returnedAtUs: number,
): ClockSample | undefined {
  const [receivedAtUs, answeredAtUs] = [usOf(answer.receivedAtUnixNano), usOf(answer.serverTimeUnixNano)];
  return receivedAtUs > 0 && answeredAtUs > 0 ? { sentAtUs, receivedAtUs, answeredAtUs, returnedAtUs } : undefined;
}

function usOf(ns: bigint): number {
  return Number(ns / 1000n);
}

/** A stretch of the runner's time through which its clock is off by one amount. */
interface Stretch {
  /** Added to the runner's time to get the server's. */
  offsetUs: number;
  /** From when on it holds, by the runner's clock. */
  fromUs: number;
  /** Where it begins by the server's clock: nothing in it is earlier. */
  floorUs: number;
}

/** What a {@link ServerClock} takes. */
export interface ServerClockOptions {
  /** The runner's clock. */
  nowUs: NowUs;
  /** A clock that nobody sets, in microseconds from anywhere. */
  monotonicUs: () => number;
}

/**
 * The server's clock, as answers of the server tell it.
 *
 * An answer bounds the offset between the clocks without guessing: the question cannot have arrived before it left, nor
 * the answer. So an offset is kept as long as answers allow it, and no clock is corrected that may well be right.
 *
 * I1. What happened later is not placed earlier: times of one stretch keep their order and distances, and a stretch
 *     begins no earlier than the one before it ended, however the clock was set; at once when it drifted, and within the
 *     time between two ticks when it was set.
 * I2. While all answers allow an offset of 0, times stay as they are.
 */
export class ServerClock {
  readonly #options: ServerClockOptions;
  readonly #stretches: Stretch[];
  /** Delays of the latest samples: the shortest says best how asymmetric the ways of a slow one may be. */
  #delaysUs: number[] = [];
  #monotonicUs: number;
  #tickedAtUs: number;

  /** Begins with a first sample. */
  constructor(options: ServerClockOptions, sample: ClockSample) {
    this.#options = options;
    this.#tickedAtUs = options.nowUs();
    this.#monotonicUs = options.monotonicUs();
    const { leastUs, mostUs } = this.#boundsOf(sample);
    const offsetUs = allows({ leastUs, mostUs }, 0) ? 0 : Math.round((leastUs + mostUs) / 2);
    this.#stretches = [{ offsetUs, fromUs: Number.NEGATIVE_INFINITY, floorUs: Number.NEGATIVE_INFINITY }];
  }

  /** What is added to the runner's clock now. */
  get offsetUs(): number {
    return this.#stretches.at(-1)!.offsetUs;
  }

  /** Takes an answer's word. */
  heard(sample: ClockSample): void {
    this.tick();
    const bounds = this.#boundsOf(sample);
    // Set while the answer was under way.
    if (bounds.mostUs < bounds.leastUs || allows(bounds, this.offsetUs)) return;
    const fromUs = this.#options.nowUs();
    this.#begin({ offsetUs: this.#offsetWithin(bounds), fromUs, floorUs: fromUs + this.offsetUs });
  }

  /** Looks whether the runner's clock was set; to be called every now and then. */
  tick(): void {
    const { nowUs, monotonicUs } = this.#options;
    const [at, monotonic] = [nowUs(), monotonicUs()];
    const passedUs = monotonic - this.#monotonicUs;
    const setByUs = Math.round(at - this.#tickedAtUs - passedUs);
    this.#monotonicUs = monotonic;
    this.#tickedAtUs = at;
    if (Math.abs(setByUs) < SET_US) return;
    const offsetUs = this.offsetUs - setByUs;
    // It was set since the last look; what it showed since then is all of this stretch.
    this.#begin({ offsetUs, fromUs: at - passedUs, floorUs: at + offsetUs });
  }

  /** What is to be added to a time of the runner's that is not later than now. */
  offsetAt(us: number): number {
    const stretches = this.#stretches;
    if (stretches.length === 1) return stretches[0]!.offsetUs;
    const latestUs = this.#options.nowUs() + this.offsetUs + SLACK_US;
    for (let i = stretches.length - 1; i > 0; i--) {
      const { offsetUs, fromUs, floorUs } = stretches[i]!;
      // A clock that was set back shows times twice: one that would lie ahead now is from before.
      if (us >= fromUs && us + offsetUs <= latestUs) return Math.max(offsetUs, Math.ceil(floorUs - us));
    }
    return stretches[0]!.offsetUs;
  }

  #begin(stretch: Stretch): void {
    const floorUs = Math.max(stretch.floorUs, this.#stretches.at(-1)!.floorUs);
    this.#stretches.push({ ...stretch, floorUs });
    if (this.#stretches.length > MAX_STRETCHES) this.#stretches.shift();
  }

  #boundsOf({ sentAtUs, receivedAtUs, answeredAtUs, returnedAtUs }: ClockSample): Bounds {
    const bounds = { leastUs: answeredAtUs - returnedAtUs, mostUs: receivedAtUs - sentAtUs };
    this.#delaysUs = [...this.#delaysUs, bounds.mostUs - bounds.leastUs].slice(-DELAYS);
    return bounds;
  }

  /** An offset that an answer allows, when it does not allow the one in use. */
  #offsetWithin(bounds: Bounds): number {
    if (allows(bounds, 0)) return 0;
    // The way that ruled the old offset out was a quick one.
    const halfUs = Math.min(...this.#delaysUs) / 2;
    return Math.round(bounds.mostUs < this.offsetUs ? bounds.mostUs - halfUs : bounds.leastUs + halfUs);
  }
}

/** Between what the offset lies. */
interface Bounds {
  leastUs: number;
  mostUs: number;
}

function allows({ leastUs, mostUs }: Bounds, offsetUs: number): boolean {
  return offsetUs >= leastUs - TOLERANCE_US && offsetUs <= mostUs + TOLERANCE_US;
}

/** How far clocks that are right read apart: some have whole milliseconds, and servers have a clock each. */
const TOLERANCE_US = 2_000;

/** A change within one tick from which a clock was set: no clock is slewed so fast, and no two are read so far apart. */
const SET_US = 250_000;

/** How far ahead a time may seem before it is taken for one from before the clock was set back. */
const SLACK_US = 100_000;

/** Samples whose delays are remembered. */
const DELAYS = 8;

/** Stretches remembered: a clock that drifts by 50 ppm begins one every 40 seconds. */
const MAX_STRETCHES = 64;
