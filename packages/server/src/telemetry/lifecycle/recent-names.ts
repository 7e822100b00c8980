/** Names remembered, of some 50 bytes each. */
const MAX_NAMES = 10_000;

/** The last names that were added. */
export class RecentNames {
  readonly #names = new Set<string>();

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Adds names; the oldest that are too many are forgotten. */
  add(names: Iterable<string>): void {
    for (const name of names) this.#names.add(name);
    for (const name of this.#names) {
      if (this.#names.size <= MAX_NAMES) return;
      this.#names.delete(name);
    }
  }
}
