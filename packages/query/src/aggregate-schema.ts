import type { Float64, Int64, TimestampNanosecond } from "apache-arrow";
import type { AnySpanColumns, AttributeColumnInput, Category, Selected, SpanColumn } from "./schema.ts";

/** The columns of aggregates and comparisons and their Arrow types, as docs/schema.md lists them. */

/** What is measured of a group of spans; durations in nanoseconds, of spans that have ended. */
export type MeasureName = "count" | "errors" | "sum" | "mean" | "min" | "max" | "p50" | "p90" | "p95" | "p99";

/** Span columns that cannot be grouped by: they tell every span apart, or are no single value. */
type Ungrouped =
  | "span_id"
  | "start_time"
  | "end_time"
  | "duration_ns"
  | "attributes"
  | "attribute_types"
  | "resource_attributes"
  | "resource_attribute_types"
  | "scope_attributes"
  | "scope_attribute_types"
  | "resource_schema_url"
  | "scope_schema_url"
  | "resource_dropped_attributes"
  | "scope_dropped_attributes"
  | "events"
  | "links";

/** Name of a span column that can be grouped by. */
export type GroupColumn = Exclude<SpanColumn, Ungrouped>;

/** What to group by: a span column, or an attribute as a column of its own. */
export type GroupKeyInput = GroupColumn | AttributeColumnInput;

/** What to group by and what to measure. */
export interface AggregateInput {
  /** Default: nothing, so that all spans are one group. */
  readonly groupBy?: readonly GroupKeyInput[];
  /** Default: all. */
  readonly measures?: readonly MeasureName[];
  /** Groups by start time, too, in steps of so many milliseconds counted from the epoch; column `time_bucket`. */
  readonly timeBucketMs?: number;
  /** Order by columns of the answer; default by time, then by the keys. */
  readonly orderBy?: AggregateOrder | readonly AggregateOrder[];
  /** Most groups; default all. */
  readonly limit?: number;
}

/** A column of the answer, ascending; or both spelled out. */
export type AggregateOrder = string | { readonly column: string; readonly descending?: boolean };

/** Name of the column that holds a measure. */
export type MeasureColumn<Name extends MeasureName> = Name extends "count" | "errors" ? Name : `${Name}_ns`;

type MeasureColumns<Names extends MeasureName> = {
  [Name in Names as MeasureColumn<Name>]: Name extends "mean" ? Float64 : Int64;
};

type KeysOf<Input> = Input extends { readonly groupBy: infer Keys extends readonly GroupKeyInput[] }
  ? Keys
  : readonly [];

type MeasuresOf<Input> = Input extends { readonly measures: readonly [infer First, ...infer Rest] }
  ? Extract<First | Rest[number], MeasureName>
  : MeasureName;

type NoColumns = Record<never, never>;

type BucketOf<Input> = Input extends { readonly timeBucketMs: number }
  ? { time_bucket: TimestampNanosecond }
  : NoColumns;

/** Columns of an aggregate: the time, the keys, the measures. */
export type AggregateColumns<Input extends AggregateInput> = BucketOf<Input> &
  Selected<NoColumns, AnySpanColumns, KeysOf<Input>> &
  MeasureColumns<MeasuresOf<Input>>;

/** Measures of either job of a comparison. */
type ComparedMeasure = "count" | "errors" | "sum" | "mean" | "min" | "max" | "p50" | "p95";

/** Columns of a comparison of two jobs; one row for each span name. */
export type ComparisonColumns = {
  name: Category;
  /** `slower`, `faster`, `same`, `appeared`, `vanished` or `open`. */
  change: Category;
  sum_delta_ns: Int64;
  mean_delta_ns: Float64;
} & {
  [Name in ComparedMeasure as `${"base" | "other"}_${MeasureColumn<Name>}`]: Name extends "mean" ? Float64 : Int64;
};
