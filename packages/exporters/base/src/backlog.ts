import type { Part, PartLimits } from "./split-batch.ts";

/** Most a backlog may hold, parts taken out but not yet released included. */
export interface BacklogLimits {
  readonly maxQueuedRecords: number;
  readonly maxQueuedBytes: number;
}

/** A part that waits to be sent. */
export interface WaitingPart extends Part {
  /** When it was admitted, in the clock's milliseconds. */
  readonly sinceMs: number;
}

/**
 * Parts that wait to be sent, first in first out, within bounds.
 *
 * I1. What was admitted counts against the bounds until it is released, also after it was taken.
 * I2. `take` gives parts in the order they were admitted, as many as fit one batch but at least one.
 */
export class Backlog {
  readonly #limits: BacklogLimits;
  readonly #batch: PartLimits;
  readonly #held = { spans: 0, logRecords: 0, bytes: 0 };
  readonly #waiting = { records: 0, bytes: 0 };
  #parts: WaitingPart[] = [];

  constructor(limits: BacklogLimits, batch: PartLimits) {
    this.#limits = limits;
    this.#batch = batch;
  }

  /** What is held, taken parts included. */
  get held(): Readonly<{ spans: number; logRecords: number; bytes: number }> {
    return this.#held;
  }

  /** Since when the oldest waiting part waits; undefined when none does. */
  get oldestMs(): number | undefined {
    return this.#parts[0]?.sinceMs;
  }

  /** Whether the waiting parts fill a batch. */
  get full(): boolean {
    return this.#waiting.records >= this.#batch.maxRecords || this.#waiting.bytes >= this.#batch.maxBytes;
  }

  /** Adds a part at the end; false when it does not fit. */
  admit(part: Part, nowMs: number): boolean {
    const { spans, logRecords, bytes } = part.size;
    const records = this.#held.spans + this.#held.logRecords + spans + logRecords;
    if (records > this.#limits.maxQueuedRecords || this.#held.bytes + bytes > this.#limits.maxQueuedBytes) return false;
    this.#hold(part, 1);
    this.#wait(part, 1);
    this.#parts.push({ ...part, sinceMs: nowMs });
    return true;
  }

  /** Whether a part would fit if nothing else were held. */
  canHold({ size }: Part): boolean {
    return recordsOf(size) <= this.#limits.maxQueuedRecords && size.bytes <= this.#limits.maxQueuedBytes;
  }

  /** Takes the next batch's parts out; none when nothing waits. They stay held until released. */
  take(): WaitingPart[] {
    let [count, records, bytes] = [0, 0, 0];
    for (const { size } of this.#parts) {
      records += recordsOf(size);
      bytes += size.bytes;
      if (count > 0 && (records > this.#batch.maxRecords || bytes > this.#batch.maxBytes)) break;
      count++;
    }
    const taken = this.#parts.splice(0, count);
    for (const part of taken) this.#wait(part, -1);
    return taken;
  }

  /** Lets taken parts go. */
  release(parts: readonly Part[]): void {
    for (const part of parts) this.#hold(part, -1);
  }

  /** Lets everything go, taken parts included; gives the number of records that were held. */
  clear(): number {
    const records = this.#held.spans + this.#held.logRecords;
    this.#parts = [];
    Object.assign(this.#held, { spans: 0, logRecords: 0, bytes: 0 });
    Object.assign(this.#waiting, { records: 0, bytes: 0 });
    return records;
  }

  #hold({ size }: Part, sign: 1 | -1): void {
    this.#held.spans += sign * size.spans;
    this.#held.logRecords += sign * size.logRecords;
    this.#held.bytes += sign * size.bytes;
  }

  #wait({ size }: Part, sign: 1 | -1): void {
    this.#waiting.records += sign * recordsOf(size);
    this.#waiting.bytes += sign * size.bytes;
  }
}

function recordsOf({ spans, logRecords }: Part["size"]): number {
  return spans + logRecords;
}
