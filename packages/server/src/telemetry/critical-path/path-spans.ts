import type { Data, RecordBatch, Table, Vector } from "apache-arrow";

/** Text of many rows: a code for each, and what it stands for. */
export interface CodedText {
  codes: Int32Array;
  values: readonly string[];
}

/** Columns of times, as planPathSpans names them: microseconds, NaN where there is none. */
export const timeColumns = [
  "start_us",
  "end_us",
  "blocked_us",
  "queued_us",
  "backoff_us",
  "last_queued_us",
  "last_retry_us",
] as const;

/** Columns of text, as planPathSpans names them. */
export const textColumns = ["type", "name", "outcome", "task_name", "queue", "runner_id"] as const;

/** Rows of planPathSpans as flat arrays: a job of 100,000 tasks has 200,000 of them, and no object is made for one. */
export interface PathSpans {
  rows: number;
  times: Readonly<Record<(typeof timeColumns)[number], Float64Array>>;
  texts: Readonly<Record<(typeof textColumns)[number], CodedText>>;
  attempts: Uint32Array;
  /** 8 bytes a row. */
  spanIds: Uint8Array;
  parentIds: Uint8Array;
  /** 16 bytes a row. */
  traceIds: Uint8Array;
  taskIds: Uint8Array;
  index: SpanIndex;
}

/** Reads the rows of planPathSpans. */
export function readPathSpans(table: Table): PathSpans {
  const column = (name: string): Vector => table.getChild(name)!;
  const spanIds = bytesOf(column("span_id"), 8);
  return {
    rows: table.numRows,
    times: record(timeColumns, (name) => column(name).toArray() as Float64Array),
    texts: record(textColumns, (name) => codedText(table.batches, name)),
    attempts: column("attempt").toArray() as Uint32Array,
    spanIds,
    parentIds: bytesOf(column("parent_span_id"), 8),
    traceIds: bytesOf(column("trace_id"), 16),
    taskIds: bytesOf(column("task_id"), 16),
    index: new SpanIndex(spanIds),
  };
}

function record<Name extends string, Value>(names: readonly Name[], read: (name: Name) => Value): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Record<Name, Value>;
}

function bytesOf({ data, length }: Vector, width: number): Uint8Array {
  const bytes = new Uint8Array(length * width);
  let at = 0;
  for (const part of data) {
    bytes.set((part.values as Uint8Array).subarray(0, part.length * width), at);
    at += part.length * width;
  }
  return bytes;
}

/** Each batch has a dictionary of its own; the codes given here are of one for all. */
function codedText(batches: readonly RecordBatch[], name: string): CodedText {
  const known = new Map<string, number>();
  const codes = new Int32Array(batches.reduce((sum, { numRows }) => sum + numRows, 0));
  let at = 0;
  for (const batch of batches) {
    for (const part of batch.getChild(name)!.data as readonly Data[]) {
      const ours = Array.from(part.dictionary as Vector, (text) => {
        const code = known.get(text as string) ?? known.size;
        known.set(text as string, code);
        return code;
      });
      const theirs = part.values as Int32Array | BigInt64Array;
      for (let i = 0; i < part.length; i++) codes[at++] = ours[Number(theirs[i])]!;
    }
  }
  return { codes, values: [...known.keys()] };
}

/** Finds rows by span id: a hash table of numbers, as a map of 200,000 texts takes half a second to fill. */
export class SpanIndex {
  readonly #words: Int32Array;
  /** Row plus one by place; 0 where there is none. */
  readonly #places: Int32Array;

  /** `ids` holds 8 bytes a row, at the start of a buffer of their own. */
  constructor(ids: Uint8Array) {
    this.#words = new Int32Array(ids.buffer, ids.byteOffset, ids.length >> 2);
    const rows = ids.length >> 3;
    this.#places = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(rows, 1)) + 1));
    for (let row = 0; row < rows; row++) {
      const place = this.#find(this.#words[2 * row]!, this.#words[2 * row + 1]!);
      this.#places[place] = row + 1;
    }
  }

  /** Rows of the ids that stand in `ids`, one after the other; -1 where there is none. */
  rowsOf(ids: Uint8Array): Int32Array {
    const words = new Int32Array(ids.buffer, ids.byteOffset, ids.length >> 2);
    const rows = new Int32Array(words.length >> 1);
    for (let i = 0; i < rows.length; i++) rows[i] = this.#places[this.#find(words[2 * i]!, words[2 * i + 1]!)]! - 1;
    return rows;
  }

  /** Where an id is, or would be put. */
  #find(low: number, high: number): number {
    const words = this.#words;
    const places = this.#places;
    const mask = places.length - 1;
    // Ids of one job are made from ids in order and differ in few bits.
    let place = (Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b) >>> 7) & mask;
    for (let row = places[place]! - 1; row >= 0; row = places[place]! - 1) {
      if (words[2 * row] === low && words[2 * row + 1] === high) break;
      place = (place + 1) & mask;
    }
    return place;
  }
}

/** The id of `width` bytes at `row`, as lower-case hex. */
export function hexOf(ids: Uint8Array, row: number, width: number): string {
  return Buffer.from(ids.buffer, ids.byteOffset + row * width, width).toString("hex");
}
