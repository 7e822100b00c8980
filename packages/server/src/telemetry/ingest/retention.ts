/**
 * The earliest time that records may have: the store drops older ones by itself, so taking them would be a lie.
 *
 * Times are compared as halves of 64 bits, as readers have them.
 */
export class Retention {
  #low = 0;
  #high = 0;
  #days = 0;

  /** Refuses from now on what is older than `days` before `nowUs`. */
  set(days: number, nowUs: number): void {
    const oldestNs = BigInt(Math.max(0, Math.floor(nowUs - days * DAY_US))) * 1000n;
    this.#low = Number(oldestNs & 0xffffffffn);
    this.#high = Number(oldestNs >> 32n);
    this.#days = days;
  }

  /** Why a record of this time cannot be stored; undefined when it can. */
  refusal(field: string, low: number, high: number): string | undefined {
    if (high > this.#high || (high === this.#high && low >= this.#low)) return undefined;
    return `${field} is more than ${this.#days} days ago, which is how long telemetry is kept`;
  }
}

const DAY_US = 24 * 60 * 60 * 1_000_000;
