/** What steps of tasks wait for until a test lets them go on, by name. */
export class Gates {
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();

  /** The gate of a name: a task awaits its `promise`, a test calls its `resolve`. */
  at(name: string): PromiseWithResolvers<void> {
    const known = this.#gates.get(name) ?? Promise.withResolvers<void>();
    this.#gates.set(name, known);
    return known;
  }

  /** Lets everybody go on; who comes later waits at a new gate. */
  openAll(): void {
    for (const { resolve } of this.#gates.values()) resolve();
    this.#gates.clear();
  }
}
