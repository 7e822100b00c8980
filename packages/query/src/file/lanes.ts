/**
 * Puts spans that overlap side by side, so that what is drawn in one lane is properly nested.
 *
 * I1. A span lies in the lane of its parent when it fits there: the parent is what the lane holds last, and lasts as long.
 * I2. Any other span begins a lane that is free.
 * I3. Spans come by start, a parent before its children. What is remembered is bounded by the spans open at a time.
 */
export class Lanes {
  /** By number from 1, what is open in a lane, the outermost first. */
  readonly #stacks: Open[][] = [[]];
  readonly #free: number[] = [];
  /** Lanes that are taken, as a heap by the end of their outermost span. */
  readonly #taken: number[] = [];
  readonly #laneOf = new Map<string, number>();

  /** How many lanes there are. */
  get count(): number {
    return this.#stacks.length - 1;
  }

  /** The lane of a span, from 1. */
  place({ spanId, parentId, startNs, endNs }: LaneSpan): number {
    this.#freeUntil(startNs);
    const span: Open = { spanId, endNs: endNs ?? FOREVER };
    const lane = this.#fitting(parentId, startNs, span.endNs) ?? this.#begin();
    this.#stacks[lane]!.push(span);
    this.#laneOf.set(spanId, lane);
    if (this.#stacks[lane]!.length === 1) this.#siftUp(lane);
    return lane;
  }

  #fitting(parentId: string, startNs: bigint, endNs: bigint): number | undefined {
    const lane = this.#laneOf.get(parentId);
    if (lane === undefined) return undefined;
    const stack = this.#stacks[lane]!;
    // The outermost stays: its end is what the lane is freed by.
    while (stack.length > 1 && stack.at(-1)!.endNs <= startNs) this.#laneOf.delete(stack.pop()!.spanId);
    const last = stack.at(-1);
    return last?.spanId === parentId && last.endNs >= endNs ? lane : undefined;
  }

  #begin(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    this.#stacks.push([]);
    return this.#stacks.length - 1;
  }

  /** Frees the lanes whose outermost span has ended. */
  #freeUntil(startNs: bigint): void {
    while (this.#taken.length > 0 && this.#endOf(this.#taken[0]!) <= startNs) {
      const lane = this.#taken[0]!;
      for (const { spanId } of this.#stacks[lane]!.splice(0)) this.#laneOf.delete(spanId);
      this.#free.push(lane);
      const last = this.#taken.pop()!;
      if (this.#taken.length > 0) this.#siftDown(last);
    }
  }

  #endOf(lane: number): bigint {
    return this.#stacks[lane]![0]!.endNs;
  }

  #siftUp(lane: number): void {
    let at = this.#taken.push(lane) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#endOf(this.#taken[above]!) <= this.#endOf(lane)) break;
      this.#taken[at] = this.#taken[above]!;
      at = above;
    }
    this.#taken[at] = lane;
  }

  #siftDown(lane: number): void {
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= this.#taken.length) break;
      if (below + 1 < this.#taken.length && this.#endOf(this.#taken[below + 1]!) < this.#endOf(this.#taken[below]!))
        below++;
      if (this.#endOf(lane) <= this.#endOf(this.#taken[below]!)) break;
      this.#taken[at] = this.#taken[below]!;
      at = below;
    }
    this.#taken[at] = lane;
  }
}

/** What is needed of a span to place it. */
export interface LaneSpan {
  readonly spanId: string;
  readonly parentId: string;
  readonly startNs: bigint;
  /** undefined while open: it takes its lane for good. */
  readonly endNs: bigint | undefined;
}

interface Open {
  readonly spanId: string;
  readonly endNs: bigint;
}

const FOREVER = 2n ** 63n;
