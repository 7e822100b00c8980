import type { BatchRows } from "./decode-messages.ts";
import type { Batch } from "./read-back.ts";

/** Full batches that may wait for the store in memory, and their bytes; beyond them rows stay in the spool. */
const MAX_WAITING = { batches: 3, bytes: 128 * 1024 * 1024 };

/** Payloads `[from, end)` whose rows are in the spool alone. */
export interface Spooled {
  from: number;
  end: number;
}

/**
 * Where the rows of payloads are that the store does not have: in batches that wait, in the spool alone, or in the open
 * batch of the thread that decodes.
 *
 * I1. Together they cover payload numbers without gaps. At most one range of numbers is in the spool alone.
 * I2. Batches that wait are bounded: what has no room is left to the spool.
 */
export class BatchLine {
  #waiting: Batch[] = [];
  #spooled: Spooled | undefined;
  /** Number of the open batch's first payload; not known while it is being dropped. */
  #openFrom: number;
  /** Drops of the open batch that the thread has not answered yet. */
  #drops = 0;
  #settled = Promise.withResolvers<void>();

  /** What lies in `[firstSeq, nextSeq)` is in the spool alone. */
  constructor(firstSeq: number, nextSeq: number) {
    this.#openFrom = nextSeq;
    this.restart(firstSeq, nextSeq);
  }

  /** What is in the spool alone. */
  get spooled(): Readonly<Spooled> | undefined {
    return this.#spooled;
  }

  /** Whether batches wait. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when it is known where the open batch begins. */
  settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Takes the batch that was open and has ended before `end`; gives those that have no room. */
  push(rows: BatchRows, end: number): Batch[] {
    const batch = { rows, from: this.#openFrom, end };
    if (this.#drops > 0 || batch.from === end) return [batch];
    this.#openFrom = end;
    if (this.#hasRoom(rows.bytes)) {
      this.#waiting.push(batch);
      return [];
    }
    // What waits behind a range that is in the spool must go there, too, as there may be only one.
    const from = this.#spooled?.from ?? batch.from;
    this.#spooled = { from, end };
    return [...this.#takeOut((each) => each.from >= from), batch];
  }

  #hasRoom(bytes: number): boolean {
    const { length } = this.#waiting;
    const waiting = this.#waiting.reduce((sum, { rows }) => sum + rows.bytes, 0);
    return length === 0 || (length < MAX_WAITING.batches && waiting + bytes <= MAX_WAITING.bytes);
  }

  #takeOut(isOut: (batch: Batch) => boolean): Batch[] {
    const out = this.#waiting.filter(isOut);
    this.#waiting = this.#waiting.filter((batch) => !isOut(batch));
    return out;
  }

  /** Takes the batch that begins with `seq` out of the line. */
  shift(seq: number): Batch | undefined {
    return this.#waiting[0]?.from === seq ? this.#waiting.shift() : undefined;
  }

  /** The rows up to and including `seq` are in the store. */
  inserted(seq: number): void {
    if (this.#spooled && seq >= this.#spooled.from) this.#leave(seq + 1, this.#spooled.end);
  }

  /** Leaves all from `from` on to the spool, the open batch included, until `resume` is called; gives what waited. */
  dropAll(from: number): Batch[] {
    if (this.#drops++ === 0) this.#settled = Promise.withResolvers();
    this.#spooled = { from, end: Number.POSITIVE_INFINITY };
    return this.#takeOut(() => true);
  }

  /** The open batch was dropped, and begins with `seq` now. */
  resume(seq: number): void {
    if (--this.#drops > 0) return;
    this.#openFrom = seq;
    if (this.#spooled) this.#leave(this.#spooled.from, seq);
    this.#settled.resolve();
  }

  /** The open batch is a new one that begins with `nextSeq`, and all from `from` on is in the spool alone. */
  restart(from: number, nextSeq: number): void {
    this.#waiting = [];
    this.#drops = 0;
    this.#openFrom = nextSeq;
    this.#leave(from, nextSeq);
    this.#settled.resolve();
  }

  #leave(from: number, end: number): void {
    this.#spooled = from < end ? { from, end } : undefined;
  }
}
