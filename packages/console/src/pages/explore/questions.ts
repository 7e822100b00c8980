/**
 * Questions of a page that are under way, so that it asks nothing anew by itself before they are answered.
 *
 * I1. As long as one is under way, and three times as long as they took after, no refresh is due: a page that refreshes
 *     takes at most a quarter of what the server can do for it, however much there is to read.
 */
export class Questions {
  readonly #nowMs: () => number;
  #open = 0;
  #beganMs = 0;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Begins one; the answer ends it, and may be called twice. */
  begin(): () => void {
    if (this.#open === 0) this.#beganMs = this.#nowMs();
    this.#open += 1;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#open -= 1;
      const nowMs = this.#nowMs();
      if (this.#open === 0) this.#restUntilMs = nowMs + REST * (nowMs - this.#beganMs);
    };
  }

  /** Whether a page may ask anew by itself (I1). */
  get mayRefresh(): boolean {
    return this.#open === 0 && this.#nowMs() >= this.#restUntilMs;
  }
}

const REST = 3;

/** Those of this page. */
export const questions = new Questions(() => performance.now());
