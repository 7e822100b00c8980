/** A place in turn, shared by everything of one owner; it only ever grows. */
export interface Turn {
  at: number;
}

/** Something that waits its turn. */
export interface InTurn {
  readonly turn: Turn;
  /** Value of `turn.at` when it was put in its place. */
  placedAt: number;
  /** Whether it is to be passed over and forgotten. */
  gone: boolean;
}

/**
 * Entries by turn, the least recently served first: a binary heap over `placedAt`.
 *
 * A turn that grew is noticed when its entry comes up, and the entry is put back where it belongs then. As turns only
 * grow, nothing further down can be due before what is on top.
 */
export class TurnOrder<Entry extends InTurn> {
  readonly #heap: Entry[] = [];
  readonly #missed: (entry: Entry) => void;

  /** `missed` hears of entries that were put back because their turn had grown; it may add others. */
  constructor(missed: (entry: Entry) => void = () => undefined) {
    this.#missed = missed;
  }

  /** Adds an entry. */
  add(entry: Entry): void {
    entry.placedAt = entry.turn.at;
    this.#heap.push(entry);
    this.#up(this.#heap.length - 1);
  }

  /** The entry whose turn it is; undefined when there is none. */
  first(): Entry | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return undefined;
      if (top.gone) this.#dropTop();
      else if (top.placedAt === top.turn.at) return top;
      else {
        top.placedAt = top.turn.at;
        this.#down(0);
        this.#missed(top);
      }
    }
  }

  /** Takes out the entry that {@link first} tells. */
  removeFirst(): void {
    if (this.first() !== undefined) this.#dropTop();
  }

  #dropTop(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(from: number): void {
    const heap = this.#heap;
    const entry = heap[from]!;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (heap[above]!.placedAt <= entry.placedAt) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = entry;
  }

  #down(from: number): void {
    const heap = this.#heap;
    const entry = heap[from]!;
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1]!.placedAt < heap[below]!.placedAt) below++;
      if (heap[below]!.placedAt >= entry.placedAt) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = entry;
  }
}
