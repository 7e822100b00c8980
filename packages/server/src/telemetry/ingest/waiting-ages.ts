/** Arrivals are told apart when they are so far apart. */
const RESOLUTION_US = 1_000_000;

/** How long the oldest of numbered things that wait has waited, to a second. */
export class WaitingAges {
  /** The highest number of each second in which something came, and when its first came. */
  readonly #seconds: { seq: number; firstUs: number }[] = [];

  /** Notes that something came, and all before it. */
  arrived(seq: number, nowUs: number): void {
    const last = this.#seconds.at(-1);
    if (last && nowUs - last.firstUs < RESOLUTION_US) last.seq = seq;
    else this.#seconds.push({ seq, firstUs: nowUs });
  }

  /** Notes that everything up to a number waits no longer. */
  left(seq: number): void {
    const waiting = this.#seconds.findIndex((second) => second.seq > seq);
    this.#seconds.splice(0, waiting < 0 ? this.#seconds.length : waiting);
  }

  /** Seconds; 0 when nothing waits. */
  oldestSeconds(nowUs: number): number {
    const [oldest] = this.#seconds;
    return oldest ? Math.max(0, nowUs - oldest.firstUs) / 1e6 : 0;
  }
}
