import {
  Dictionary,
  Float64,
  Int32,
  makeData,
  makeVector,
  type RecordBatch,
  Table,
  TimestampNanosecond,
  Uint32,
  Utf8,
  vectorFromArray,
} from "apache-arrow";

/** A span of a batch; it starts so many nanoseconds after {@link sampleBaseNs} as its number says. */
export interface SampleRow {
  id: number;
  parent?: number;
  name?: string;
  /** Nanoseconds after the base; null while it is open. */
  end?: number | null;
  status?: string;
  outcome?: string;
  queuedMs?: number;
}

/** What times of samples are counted from. */
export const sampleBaseNs = 1_790_000_000_123_456_789n;

/** The span id of a number. */
export function sampleId(n: number): string {
  return (0xfeed_0000_0000_0000n + BigInt(n)).toString(16);
}

/** A batch as the server sends it. */
export function sampleBatch(...rows: readonly SampleRow[]): RecordBatch {
  const text = (values: (string | null)[]) => vectorFromArray(values, new Utf8());
  const category = (values: string[]) => vectorFromArray(values, new Dictionary(new Utf8(), new Int32()));
  const waits = (values: (number | null)[]) => vectorFromArray(values, new Float64());
  return new Table({
    span_id: text(rows.map(({ id }) => sampleId(id))),
    parent_span_id: text(rows.map(({ parent }) => (parent === undefined ? null : sampleId(parent)))),
    name: category(rows.map(({ name = "work" }) => name)),
    type: category(rows.map(() => "attempt")),
    start_time: times(rows.map(({ id }) => id)),
    end_time: times(rows.map(({ end = 900 }) => end)),
    status: category(rows.map(({ status = "UNSET" }) => status)),
    outcome: category(rows.map(({ outcome = "success" }) => outcome)),
    attempt: vectorFromArray(
      rows.map(() => 1),
      new Uint32(),
    ),
    blocked_ms: waits(rows.map(() => null)),
    queued_ms: waits(rows.map(({ queuedMs = null }) => queuedMs)),
    backoff_ms: waits(rows.map(() => null)),
  }).batches[0]!;
}

function times(values: readonly (number | null)[]) {
  return makeVector(
    makeData({
      type: new TimestampNanosecond(),
      length: values.length,
      data: BigInt64Array.from(values, (value) => (value === null ? 0n : sampleBaseNs + BigInt(value))),
      nullCount: values.filter((value) => value === null).length,
      nullBitmap: Uint8Array.of(values.reduce((bits: number, value, at) => bits | (value === null ? 0 : 1 << at), 0)),
    }),
  );
}
