import {
  type Data,
  type DataType,
  Dictionary,
  Field,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Uint32,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import type { ArrowBatch } from "../columnar/span-store.ts";
import { LongColumn, Uint32Column } from "../columns/number-column.ts";
import { Utf8Column } from "../columns/utf8-column.ts";
import { appendUs } from "../lifecycle/span-row.ts";
import type { Segment } from "./critical-path.ts";
import { type CodedText, hexOf, type PathSpans } from "./path-spans.ts";

/** Rows of one batch; as those of span queries. */
const BATCH_ROWS = 16_384;

/** Where the segments come from. */
export interface PathSource {
  jobId: string;
  /** Microseconds since the epoch. */
  startUs: number;
  /** What the rows of segments are of. */
  spans: PathSpans;
}

/** Segments as Arrow, each batch a whole IPC stream; one batch without rows when there are none. */
export function* encodePath(segments: readonly Segment[], source: PathSource): Iterable<ArrowBatch> {
  for (let at = 0; at < Math.max(segments.length, 1); at += BATCH_ROWS) {
    const slice = segments.slice(at, at + BATCH_ROWS);
    yield { ipc: toStream(columnsOf(slice, source), slice.length), rows: slice.length };
  }
}

/** A column of the answer; one that may be null where a bit of its bitmap is 0. */
type PathColumn = readonly [name: string, data: Data, nullable?: boolean];

function columnsOf(segments: readonly Segment[], source: PathSource): PathColumn[] {
  const { texts, traceIds } = source.spans;
  const rows = Int32Array.from(segments, ({ row }) => row);
  const text = (name: keyof typeof texts) => dictionary(pick(texts[name], rows));
  return [
    ...timeColumns(segments, source.startUs),
    ["kind", dictionary(kindsOf(segments))],
    ["depth", numbers(Uint32Array.from(segments, ({ depth }) => depth))],
    ["type", text("type")],
    ["name", text("name")],
    ["outcome", text("outcome")],
    ["trace_id", same(rows.length === 0 ? "" : hexOf(traceIds, rows[0]!, 16), rows.length)],
    ["span_id", spanIds(source, rows)],
    ["job_id", same(source.jobId, rows.length)],
    ["task_id", taskIds(source, rows), true],
    ["task_name", text("task_name")],
    ["attempt", attempts(source, rows), true],
    ["queue", text("queue")],
    ["runner_id", text("runner_id")],
  ];
}

function toStream(columns: readonly PathColumn[], length: number): Uint8Array {
  const fields = columns.map(([name, { type }, nullable = false]) => new Field(name, type as DataType, nullable));
  const children = columns.map(([, data]) => data);
  const struct = makeData({ type: new Struct(fields), length, nullCount: 0, children });
  const writer = new RecordBatchStreamWriter();
  writer.write(new RecordBatch(new Schema(fields), struct));
  return writer.finish().toUint8Array(true);
}

function timeColumns(segments: readonly Segment[], startUs: number): PathColumn[] {
  const start = new LongColumn("timestamp");
  const end = new LongColumn("timestamp");
  const duration = new LongColumn("int64");
  for (const { fromUs, toUs } of segments) {
    appendUs(start, startUs + fromUs);
    appendUs(end, startUs + toUs);
    appendUs(duration, toUs - fromUs);
  }
  return [
    ["start_time", start.finish()],
    ["end_time", end.finish()],
    ["duration_ns", duration.finish()],
  ];
}

function numbers(values: Uint32Array): Data<Uint32> {
  const column = new Uint32Column();
  for (const value of values) column.append(value);
  return column.finish();
}

function spanIds({ spans }: PathSource, rows: Int32Array): Data {
  const column = new Utf8Column();
  for (const row of rows) column.appendHex(spans.spanIds, row * 8, 8);
  return column.finish();
}

/** Bytes of a UUID before each of its dashes. */
const UUID_PARTS = [4, 2, 2, 2, 6];

function taskIds({ spans }: PathSource, rows: Int32Array): Data {
  const column = new Utf8Column();
  const isTask = (row: number) => typeOf(spans, row) !== "job";
  for (const row of rows) {
    if (isTask(row)) appendUuid(column, spans.taskIds, row * 16);
    else column.close(column.reserve(0));
  }
  const { length, values: data, valueOffsets } = column.finish();
  return makeData({ type: new Utf8(), length, data, valueOffsets, ...nullsWhere(rows, (row) => !isTask(row)) });
}

function appendUuid(to: Utf8Column, ids: Uint8Array, start: number): void {
  const from = to.reserve(36);
  let at = from;
  let byte = start;
  for (const size of UUID_PARTS) {
    if (at > from) to.bytes[at++] = DASH;
    for (const end = byte + size; byte < end; byte++) {
      to.bytes[at++] = hexDigit(ids[byte]! >> 4);
      to.bytes[at++] = hexDigit(ids[byte]! & 15);
    }
  }
  to.close(at);
}

const DASH = "-".charCodeAt(0);

function hexDigit(value: number): number {
  return value < 10 ? 48 + value : 87 + value;
}

function typeOf({ texts: { type } }: PathSpans, row: number): string {
  return type.values[type.codes[row]!]!;
}

function attempts({ spans }: PathSource, rows: Int32Array): Data {
  const values = Uint32Array.from(rows, (row) => spans.attempts[row]!);
  const { length, values: data } = numbers(values);
  return makeData({ type: new Uint32(), length, data, ...nullsWhere(rows, (row) => spans.attempts[row] === 0) });
}

function nullsWhere(rows: Int32Array, isNull: (row: number) => boolean): { nullCount: number; nullBitmap: Uint8Array } {
  const nullBitmap = new Uint8Array((rows.length + 7) >> 3);
  let nullCount = 0;
  for (const [i, row] of rows.entries()) {
    if (isNull(row)) nullCount++;
    else nullBitmap[i >> 3]! |= 1 << (i & 7);
  }
  return { nullCount, nullBitmap };
}

function dictionary({ codes, values }: CodedText): Data {
  const texts = vectorFromArray(values, new Utf8());
  const type = new Dictionary(new Utf8(), new Int32());
  return makeData({ type, length: codes.length, nullCount: 0, data: codes, dictionary: texts });
}

function same(value: string, length: number): Data {
  return dictionary({ codes: new Int32Array(length), values: [value] });
}

function pick({ codes, values }: CodedText, rows: Int32Array): CodedText {
  return { codes: Int32Array.from(rows, (row) => codes[row]!), values };
}

function kindsOf(segments: readonly Segment[]): CodedText {
  const values: string[] = [...new Set(segments.map(({ kind }) => kind))];
  return { codes: Int32Array.from(segments, ({ kind }) => values.indexOf(kind)), values };
}
