/** How long what is refused for the same reason is counted, and not told each time. */
const QUIET_US = 60_000_000;
/** Names and reasons remembered; what is beyond is forgotten, the oldest first, and told anew. */
const MAX_REMEMBERED = 1_000;

interface Told {
  atUs: number;
  since: number;
}

/**
 * Tells of refused deliveries without letting whoever sends them fill the log: of each webhook and reason the first, and
 * once a minute how many more there were.
 */
export class RefusalLog {
  readonly #told = new Map<string, Told>();
  readonly #log: (line: string) => void;
  readonly #nowUs: () => number;

  constructor(log: (line: string) => void, nowUs: () => number) {
    this.#log = log;
    this.#nowUs = nowUs;
  }

  /** `what` tells apart what is told of; `line` is what is told. */
  tell(what: string, line: string): void {
    const nowUs = this.#nowUs();
    const told = this.#told.get(what);
    if (told && Math.abs(nowUs - told.atUs) < QUIET_US) {
      told.since++;
      return;
    }
    this.#log(told?.since ? `${line} (and ${told.since} more since the last such line)` : line);
    this.#told.delete(what);
    this.#told.set(what, { atUs: nowUs, since: 0 });
    const [oldest] = this.#told.keys();
    if (this.#told.size > MAX_REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
  }
}
