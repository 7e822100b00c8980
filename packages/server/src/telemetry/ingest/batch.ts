import { setImmediate as nextTurn } from "node:timers/promises";
import type { SpanStore } from "../columnar/span-store.ts";
import type { Spool } from "../spool/spool.ts";
import type { OtlpReader } from "./otlp-reader.ts";

/** When a batch is full. Inserts of 50k, 100k and 200k rows cost the same per row; smaller ones hold less memory. */
const FULL = { rows: 65_536, bytes: 32 * 1024 * 1024 };
/** Decoding done in one turn of the event loop before others get one. */
const SLICE_MS = 8;

/** Rows of the payloads `[from, end)`. */
export interface Batch {
  reader: OtlpReader;
  from: number;
  end: number;
}

/** Whether rows are enough to be worth an insert of their own. */
export function isFull(reader: OtlpReader): boolean {
  return reader.rows >= FULL.rows || reader.byteSize() >= FULL.bytes;
}

/** Whether an emptied reader's arrays, as large as its rows were, are worth keeping: those of a huge payload are not. */
export function isReusable(bytes: number): boolean {
  return bytes <= 2 * FULL.bytes;
}

/** Inserts the rows of a batch. */
export async function insertBatch(store: SpanStore, { reader: { spans, logs } }: Batch): Promise<void> {
  if (spans.rows > 0) await store.insert({ table: "spans", ipc: spans.finish(), rows: spans.rows });
  if (logs.rows > 0) await store.insert({ table: "logs", ipc: logs.finish(), rows: logs.rows });
}

/** Gives other work a turn once a slice of time is used up. */
export class TimeSlice {
  #startedMs = 0;

  /** Resolves at once, or in the next turn of the event loop. */
  async yield(): Promise<void> {
    if (performance.now() - this.#startedMs < SLICE_MS) return;
    await nextTurn();
    this.#startedMs = performance.now();
  }
}

/** What reading back needs. */
export interface ReadBack {
  spool: Spool;
  slice: TimeSlice;
  /** An empty reader, for the rows. */
  reader: OtlpReader;
  /** Hears of payloads that cannot be decoded. */
  onDamaged: (seq: number, error: unknown) => void;
}

/**
 * A batch of payloads from `from` on as they are in the spool.
 *
 * Some of their rows may be in the store already: they come with the same keys, and it keeps one of each.
 * Payloads before `end` that the spool does not hold were refused when they came.
 */
export async function readBack(
  { spool, slice, reader, onDamaged }: ReadBack,
  from: number,
  end: number,
): Promise<Batch> {
  let next = from;
  while (next < end && !isFull(reader)) {
    const payloads = await spool.read(next);
    if (payloads.length === 0) return { reader, from, end };
    for (const payload of payloads) {
      // What is missing before `end` was refused, and what comes after it came later.
      if (payload.seq >= end) return { reader, from, end };
      if (isFull(reader)) break;
      try {
        reader.read(payload, payload.seq);
      } catch (error) {
        // What was accepted decodes; what does not was accepted by a laxer program and must not block the rest.
        onDamaged(payload.seq, error);
      }
      next = payload.seq + 1;
      await slice.yield();
    }
  }
  return { reader, from, end: next };
}
