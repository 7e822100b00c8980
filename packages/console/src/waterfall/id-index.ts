/**
 * Rows by span id, which grows as spans come: ids are two 32-bit halves in an open-addressed table, no string each.
 *
 * I1. At most half of the slots are taken, so that a search ends.
 */
export class IdIndex {
  #high = new Uint32Array(16);
  #low = new Uint32Array(16);
  #rows = new Int32Array(16).fill(-1);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The row of an id; -1 when there is none. */
  rowOf(high: number, low: number): number {
    return this.#rows[this.#slotOf(high, low)]!;
  }

  /** Remembers the row of an id; one that is known stays. */
  add(high: number, low: number, row: number): void {
    const slot = this.#slotOf(high, low);
    if (this.#rows[slot] !== -1) return;
    this.#put(slot, high, low, row);
    this.#size += 1;
    if (2 * this.#size > this.#rows.length) this.#grow();
  }

  #put(slot: number, high: number, low: number, row: number): void {
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#rows[slot] = row;
  }

  #grow(): void {
    const [highs, lows, rows] = [this.#high, this.#low, this.#rows];
    const slots = 4 * rows.length;
    this.#high = new Uint32Array(slots);
    this.#low = new Uint32Array(slots);
    this.#rows = new Int32Array(slots).fill(-1);
    for (let at = 0; at < rows.length; at++) {
      if (rows[at] === -1) continue;
      const [high, low] = [highs[at]!, lows[at]!];
      this.#put(this.#slotOf(high, low), high, low, rows[at]!);
    }
  }

  /** The slot that holds the id, or the free one where it belongs. */
  #slotOf(high: number, low: number): number {
    const mask = this.#rows.length - 1;
    const mixed = Math.imul(high ^ (low >>> 15), 0x9e3779b1) ^ Math.imul(low, 0x85ebca77);
    let slot = ((mixed ^ (mixed >>> 15)) >>> 0) & mask;
    while (this.#rows[slot] !== -1 && (this.#high[slot] !== high || this.#low[slot] !== low)) slot = (slot + 1) & mask;
    return slot;
  }
}
