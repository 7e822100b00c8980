import type { Data, RecordBatch, Vector } from "apache-arrow";
import type { SpanColumns, SpanRow } from "./span-columns.ts";
import { OPEN, spanFacts } from "./span-facts.ts";

/** The columns that the waterfall asks for; the rest of a span is asked for when it is looked at. */
export const waterfallColumns = [
  "span_id",
  "parent_span_id",
  "name",
  "type",
  "start_time",
  "end_time",
  "status",
  "outcome",
  "attempt",
  { attribute: "spanloom.blocked_ms", as: "blocked_ms", type: "float64" },
  { attribute: "spanloom.queued_ms", as: "queued_ms", type: "float64" },
  { attribute: "spanloom.backoff_ms", as: "backoff_ms", type: "float64" },
] as const;

/** Numbers of names, the same for all batches. */
export class NameTable {
  readonly names: string[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.names.length);
    return this.names.push(name) - 1;
  }
}

/** Where batches go to. */
export interface BatchTarget {
  columns: SpanColumns;
  names: NameTable;
  /** Epoch nanoseconds that times are counted from; the first span's start once one has come. */
  base?: bigint;
}

/** Puts the spans of a batch into columns. No row becomes an object or text of its own but its name, once a batch. */
export function putBatch(target: BatchTarget, batch: RecordBatch): void {
  if (batch.numRows === 0) return;
  const starts = dataOf(batch, "start_time");
  target.base ??= (starts.values as BigInt64Array)[0]!;
  const base = target.base;
  const row = { ...emptyRow };
  const [ids, parents] = [idReader(dataOf(batch, "span_id")), idReader(dataOf(batch, "parent_span_id"))];
  const [start, end] = [timeReader(starts, base), timeReader(dataOf(batch, "end_time"), base)];
  const name = coded(batch, "name", (text) => target.names.numberOf(text));
  const facts = factsReader(batch);
  const attempt = numberReader(batch, "attempt");
  // Nobody has counted how long what is still blocked is.
  const blocked = numberReader(batch, "blocked_ms", Number.NaN);
  const [queued, backoff] = [numberReader(batch, "queued_ms"), numberReader(batch, "backoff_ms")];
  for (let at = 0; at < batch.numRows; at++) {
    [row.idHigh, row.idLow] = ids(at);
    [row.parentHigh, row.parentLow] = parents(at);
    row.start = start(at);
    row.end = end(at);
    row.name = name(at);
    row.facts = facts(at) | (Number.isNaN(row.end) ? OPEN : 0);
    row.attempt = attempt(at);
    row.blockedMs = blocked(at);
    row.queuedMs = queued(at);
    row.backoffMs = backoff(at);
    target.columns.put(row);
  }
}

const emptyRow: SpanRow = {
  idHigh: 0,
  idLow: 0,
  parentHigh: 0,
  parentLow: 0,
  start: 0,
  end: 0,
  name: 0,
  facts: 0,
  attempt: 0,
  blockedMs: 0,
  queuedMs: 0,
  backoffMs: 0,
};

function columnOf(batch: RecordBatch, name: string): Vector {
  const column = batch.getChild(name) as Vector | null;
  if (!column) throw new Error(`cannot show spans: the answer has no column "${name}"`);
  return column;
}

function dataOf(batch: RecordBatch, name: string): Data {
  return columnOf(batch, name).data[0]!;
}

/** Reads ids as two halves; zeros where there is none. The pair it gives is the same each time. */
function idReader(data: Data): (at: number) => [number, number] {
  const bytes = data.values as Uint8Array;
  const offsets = data.valueOffsets as Int32Array;
  const pair: [number, number] = [0, 0];
  return (at) => {
    const from = offsets[at]!;
    const isId = offsets[at + 1]! - from === 16 && data.getValid(at);
    pair[0] = isId ? hexWord(bytes, from) : 0;
    pair[1] = isId ? hexWord(bytes, from + 8) : 0;
    return pair;
  };
}

function hexWord(bytes: Uint8Array, from: number): number {
  let word = 0;
  for (let at = from; at < from + 8; at++) {
    const byte = bytes[at]!;
    word = (word << 4) | (byte <= 57 ? byte - 48 : (byte | 32) - 87);
  }
  return word >>> 0;
}

const WORD = 2 ** 32;

/** Reads times as numbers from the base, exact within 104 days of it and without a bigint each; NaN where null. */
export function timeReader(data: Data, base: bigint): (at: number) => number {
  const { buffer, byteOffset, length } = data.values as BigInt64Array;
  const words = new Int32Array(buffer, byteOffset, 2 * length);
  const [baseHigh, baseLow] = [Number(base >> 32n), Number(base & 0xffff_ffffn)];
  return (at) =>
    data.nullCount > 0 && !data.getValid(at)
      ? Number.NaN
      : (words[2 * at + 1]! - baseHigh) * WORD + ((words[2 * at]! >>> 0) - baseLow);
}

/** Reads text of few values as numbers: each value is looked at once a batch. */
function coded(batch: RecordBatch, column: string, code: (text: string) => number): (at: number) => number {
  const data = dataOf(batch, column);
  if (!data.dictionary) throw new Error(`cannot show spans: the column "${column}" is no dictionary`);
  const codes = Array.from(data.dictionary, (text) => code(String(text ?? "")));
  const indexes = data.values as Int32Array;
  return (at) => codes[indexes[at]!] ?? 0;
}

function factsReader(batch: RecordBatch): (at: number) => number {
  const none = { type: "", status: "", outcome: "", open: false };
  const [type, status, outcome] = (["type", "status", "outcome"] as const).map((column) =>
    coded(batch, column, (text) => spanFacts({ ...none, [column]: text })),
  );
  return (at) => type!(at) | status!(at) | outcome!(at);
}

/** Reads numbers, and another where there is none. */
function numberReader(batch: RecordBatch, column: string, none = 0): (at: number) => number {
  const data = dataOf(batch, column);
  const values = data.values as Float64Array;
  return (at) => (data.nullCount > 0 && !data.getValid(at) ? none : values[at]!);
}
