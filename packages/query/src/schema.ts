import type {
  Bool,
  Dictionary,
  Float64,
  Int32,
  Int64,
  List,
  Map_,
  Struct,
  TimestampNanosecond,
  Uint32,
  Utf8,
} from "apache-arrow";

/**
 * The columns of spans and logs and their Arrow types, as docs/schema.md lists them.
 *
 * Text of low cardinality is dictionary-encoded. The index width of a dictionary is the store's choice; the types here
 * say 32 bits, which is also what an assembled table has.
 */

/** Text of low cardinality. */
export type Category = Dictionary<Utf8, Int32>;

/** Text by text: attributes of events and links in their text form. */
export type TextMap = Map_<Utf8, Utf8>;

/** Attributes in their text form; keys repeat from row to row. */
export type AttributeMap = Map_<Category, Utf8>;

/** As {@link AttributeMap}, where values repeat, too. */
export type CategoryMap = Map_<Category, Category>;

/** Columns that say which part of a workflow a span or record belongs to. */
interface OriginColumns {
  job_id: Category;
  job_name: Category;
  task_id: Utf8;
  task_name: Category;
  attempt: Uint32;
  queue: Category;
  runner_id: Category;
  service_name: Category;
  scope_name: Category;
}

/** Attribute columns that spans and records share. */
interface AttributeMapColumns {
  attributes: AttributeMap;
  attribute_types: CategoryMap;
  resource_attributes: CategoryMap;
}

/** An element of the `events` column. */
export type SpanEvent = Struct<{
  time: TimestampNanosecond;
  name: Utf8;
  attributes: TextMap;
  attribute_types: TextMap;
  dropped_attributes: Uint32;
}>;

/** An element of the `links` column. */
export type SpanLink = Struct<{
  trace_id: Utf8;
  span_id: Utf8;
  trace_state: Utf8;
  attributes: TextMap;
  attribute_types: TextMap;
  flags: Uint32;
  dropped_attributes: Uint32;
}>;

/** Columns of spans by name. */
export type SpanColumns = {
  [Name in keyof SpanColumnTypes]: SpanColumnTypes[Name];
};

interface SpanColumnTypes extends OriginColumns, AttributeMapColumns {
  trace_id: Category;
  span_id: Utf8;
  parent_span_id: Utf8;
  name: Category;
  kind: Category;
  type: Category;
  start_time: TimestampNanosecond;
  end_time: TimestampNanosecond;
  duration_ns: Int64;
  status: Category;
  status_message: Utf8;
  outcome: Category;
  task_version: Category;
  scope_version: Category;
  trace_state: Category;
  flags: Uint32;
  events: List<SpanEvent>;
  links: List<SpanLink>;
  dropped_attributes: Uint32;
  dropped_events: Uint32;
  dropped_links: Uint32;
}

/** Columns of log records by name. */
export type LogColumns = {
  [Name in keyof LogColumnTypes]: LogColumnTypes[Name];
};

interface LogColumnTypes extends OriginColumns, AttributeMapColumns {
  time: TimestampNanosecond;
  observed_time: TimestampNanosecond;
  trace_id: Category;
  span_id: Utf8;
  severity_number: Uint32;
  severity: Category;
  body: Utf8;
  event_name: Category;
  flags: Uint32;
}

/** Columns that are returned only when they are named. */
interface NamedColumnTypes {
  resource_attribute_types: CategoryMap;
  scope_attributes: CategoryMap;
  scope_attribute_types: CategoryMap;
  resource_schema_url: Category;
  scope_schema_url: Category;
  resource_dropped_attributes: Uint32;
  scope_dropped_attributes: Uint32;
}

/** Columns of spans by name, those that are returned only when named included. */
export type AnySpanColumns = SpanColumns & { [Name in keyof NamedColumnTypes]: NamedColumnTypes[Name] };

/** Columns of log records by name, those that are returned only when named included. */
export type AnyLogColumns = LogColumns & { [Name in keyof NamedColumnTypes]: NamedColumnTypes[Name] } & {
  body_type: Category;
  task_version: Category;
  scope_version: Category;
  dropped_attributes: Uint32;
};

/** Name of a span column. */
export type SpanColumn = keyof AnySpanColumns;

/** Name of a log column. */
export type LogColumn = keyof AnyLogColumns;

/** Types an attribute may be projected to, and the Arrow type of the column. */
export interface ProjectedTypes {
  string: Utf8;
  int64: Int64;
  float64: Float64;
  bool: Bool;
}

/**
 * An attribute as a column of its own.
 *
 * A value of another type than `type` becomes null; integers become floating point where `float64` is asked for.
 */
export interface AttributeColumnInput {
  /** Attribute key, e.g. `http.response.status_code`. */
  readonly attribute: string;
  /** Name of the column; default: the key. */
  readonly as?: string;
  /** Type of the column; default `string`. */
  readonly type?: keyof ProjectedTypes;
  /** Take it from the resource instead of the span or record. */
  readonly resource?: boolean;
}

/** The table type a list of columns gives: the default ones when it names none, plus the projected attributes. */
export type Selected<Default, Any, Items extends readonly unknown[]> = ([Extract<Items[number], keyof Any>] extends [
  never,
]
  ? Default
  : Pick<Any, Extract<Items[number], keyof Any>>) &
  Projected<Extract<Items[number], AttributeColumnInput>>;

type Projected<Item extends AttributeColumnInput> = {
  [Each in Item as ColumnNameOf<Each>]: ColumnTypeOf<Each>;
};

type ColumnNameOf<Item extends AttributeColumnInput> = Item extends { as: infer Name extends string }
  ? Name
  : Item["attribute"];

type ColumnTypeOf<Item extends AttributeColumnInput> = Item extends { type: infer Type extends keyof ProjectedTypes }
  ? ProjectedTypes[Type]
  : Utf8;
