import { create } from "@bufbuild/protobuf";
import { type ArrowChunk, ArrowChunkSchema } from "@spanloom/protocol";
import {
  type Data,
  type DataType,
  Dictionary,
  Field,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampNanosecond,
  tableToIPC,
  Uint32,
  Utf8,
  vectorFromArray,
} from "apache-arrow";

/** A span of a test, in the terms of the query schema. */
export interface SampleSpan {
  readonly spanId: string;
  readonly parentSpanId?: string | null;
  readonly name: string;
  readonly type?: "job" | "task" | "attempt" | "user";
  readonly startNs: bigint;
  /** null while open. */
  readonly endNs: bigint | null;
  readonly status?: "UNSET" | "OK" | "ERROR";
  readonly statusMessage?: string;
  readonly outcome?: string;
  readonly attempt?: number | null;
  readonly jobId?: string | null;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly attributeTypes?: Readonly<Record<string, string>>;
  readonly events?: readonly { readonly timeNs: bigint; readonly name: string }[];
  readonly links?: readonly { readonly spanId: string; readonly kind: string }[];
  readonly runnerId?: string;
  readonly serviceName?: string;
}

export const sampleTraceId = "0198c0de00007000800000000000cafe";
export const sampleJobId = "0198c0de-0000-7000-8000-00000000cafe";

const utf8 = new Utf8();
const ns = new TimestampNanosecond("UTC");
function mapOf<Key extends DataType, Value extends DataType>(key: Key, value: Value): Map_<Key, Value> {
  const entry = new Struct<{ key: Key; value: Value }>([new Field("key", key), new Field("value", value)]);
  return new Map_(new Field("entries", entry, false));
}
const map = mapOf(utf8, utf8);
const event = new Struct([
  new Field("time", ns, false),
  new Field("name", utf8, false),
  new Field("attributes", map, false),
  new Field("attribute_types", map, false),
  new Field("dropped_attributes", new Uint32(), false),
]);
const link = new Struct([
  new Field("trace_id", utf8, false),
  new Field("span_id", utf8, false),
  new Field("trace_state", utf8, false),
  new Field("attributes", map, false),
  new Field("attribute_types", map, false),
  new Field("flags", new Uint32(), false),
  new Field("dropped_attributes", new Uint32(), false),
]);

interface SampleColumn {
  type: (id: number) => DataType;
  nullable?: boolean;
  value: (span: SampleSpan) => unknown;
}

const dictionary = (id: number): DataType => new Dictionary(utf8, new Int32(), id);
/** Dictionaries inside a column have ids of their own. */
const keyed = (id: number): DataType => mapOf(dictionary(100 + id), utf8);
const keyedCategories = (id: number): DataType => mapOf(dictionary(100 + id), dictionary(200 + id));
const none = (): Map<string, string> => new Map();

const columns: Record<string, SampleColumn> = {
  trace_id: { type: dictionary, value: () => sampleTraceId },
  span_id: { type: () => utf8, value: (span) => span.spanId },
  parent_span_id: { type: () => utf8, nullable: true, value: (span) => span.parentSpanId ?? null },
  name: { type: dictionary, value: (span) => span.name },
  kind: { type: dictionary, value: () => "INTERNAL" },
  type: { type: dictionary, value: (span) => span.type ?? "user" },
  start_time: { type: () => ns, value: (span) => span.startNs },
  end_time: { type: () => ns, nullable: true, value: (span) => span.endNs },
  duration_ns: {
    type: () => new Int64(),
    nullable: true,
    value: ({ startNs, endNs }) => (endNs === null ? null : endNs - startNs),
  },
  status: { type: dictionary, value: (span) => span.status ?? "UNSET" },
  status_message: { type: () => utf8, value: (span) => span.statusMessage ?? "" },
  outcome: { type: dictionary, value: (span) => span.outcome ?? "" },
  job_id: { type: dictionary, nullable: true, value: ({ jobId }) => (jobId === undefined ? sampleJobId : jobId) },
  job_name: { type: dictionary, value: () => "sample" },
  task_id: { type: () => utf8, nullable: true, value: () => null },
  task_name: { type: dictionary, value: () => "" },
  task_version: { type: dictionary, value: () => "1.0" },
  attempt: { type: () => new Uint32(), nullable: true, value: (span) => span.attempt ?? null },
  queue: { type: dictionary, value: () => "default" },
  runner_id: { type: dictionary, value: (span) => span.runnerId ?? "runner-1" },
  service_name: { type: dictionary, value: (span) => span.serviceName ?? "sample" },
  scope_name: { type: dictionary, value: () => "spanloom" },
  scope_version: { type: dictionary, value: () => "" },
  trace_state: { type: dictionary, value: () => "" },
  flags: { type: () => new Uint32(), value: () => 1 },
  attributes: { type: keyed, value: (span) => new Map(Object.entries(span.attributes ?? {})) },
  attribute_types: { type: keyedCategories, value: (span) => new Map(Object.entries(span.attributeTypes ?? {})) },
  resource_attributes: { type: keyedCategories, value: () => new Map([["service.name", "sample"]]) },
  events: {
    type: () => new List(new Field("item", event, false)),
    value: (span) =>
      (span.events ?? []).map(({ timeNs, name }) => ({
        time: Number(timeNs / 1_000_000n),
        name,
        attributes: none(),
        attribute_types: none(),
        dropped_attributes: 0,
      })),
  },
  links: {
    type: () => new List(new Field("item", link, false)),
    value: (span) =>
      (span.links ?? []).map(({ spanId, kind }) => ({
        trace_id: sampleTraceId,
        span_id: spanId,
        trace_state: "",
        attributes: new Map([["spanloom.link.type", kind]]),
        attribute_types: none(),
        flags: 0,
        dropped_attributes: 0,
      })),
  },
  dropped_attributes: { type: () => new Uint32(), value: () => 0 },
  dropped_events: { type: () => new Uint32(), value: () => 0 },
  dropped_links: { type: () => new Uint32(), value: () => 0 },
  resource_attribute_types: { type: keyedCategories, value: none },
  scope_attributes: { type: keyedCategories, value: none },
  scope_attribute_types: { type: keyedCategories, value: none },
  resource_schema_url: { type: dictionary, value: () => "" },
  scope_schema_url: { type: dictionary, value: () => "https://example.com/schema" },
  resource_dropped_attributes: { type: () => new Uint32(), value: () => 3 },
  scope_dropped_attributes: { type: () => new Uint32(), value: () => 0 },
};

const schema = new Schema(
  Object.entries(columns).map(([name, { type, nullable }], id) => new Field(name, type(id), nullable ?? false)),
);

/** Spans as a table of the query schema, with dictionaries numbered in the order their values appear. */
export function sampleTable(spans: readonly SampleSpan[]): Table {
  if (spans.length === 0) return new Table(schema);
  const children = Object.values(columns).map(({ type, value }, id) => columnData(spans.map(value), type(id)));
  const data = makeData({ type: new Struct(schema.fields), length: spans.length, nullCount: 0, children });
  return new Table([new RecordBatch(schema, data)]);
}

/** Arrow's builder takes times in milliseconds; nanoseconds go in as integers and change their type. */
function columnData(values: readonly unknown[], type: DataType): Data {
  if (!(type instanceof TimestampNanosecond)) return vectorFromArray(values, type).data[0]!;
  return vectorFromArray(values, new Int64()).data[0]!.clone(type as never);
}

/** Spans as one chunk: a whole Arrow IPC stream, as a server sends it. */
export function sampleChunk(spans: readonly SampleSpan[]): ArrowChunk {
  return create(ArrowChunkSchema, { ipc: tableToIPC(sampleTable(spans), "stream"), rows: BigInt(spans.length) });
}

/** Chunks as they would arrive. */
export async function* arriving<Item>(...items: Item[]): AsyncGenerator<Item, void, undefined> {
  yield* items;
}

/** A span id for a number. */
export function spanIdFor(number: number): string {
  return (number + 1).toString(16).padStart(16, "0");
}
