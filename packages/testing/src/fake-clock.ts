/** A clock that moves only when told to. Starts in 2026, as a real one would not be at zero. */
export class FakeClock {
  #us = Date.UTC(2026, 0, 1) * 1000;

  /** Microseconds since the epoch; bound, so that it can be handed on as a function. */
  readonly nowUs = (): number => this.#us;

  /** Moves on. */
  advance(ms: number): void {
    this.#us += Math.round(ms * 1000);
  }

  /** Moves to a time, back as well. */
  set(us: number): void {
    this.#us = us;
  }
}
