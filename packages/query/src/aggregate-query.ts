import { create } from "@bufbuild/protobuf";
import {
  type AggregateSpansRequest,
  AggregateSpansRequestSchema,
  type ArrowChunk,
  Measure,
  type SpanFilter,
} from "@spanloom/protocol";
import type { TypeMap } from "apache-arrow";
import type { AggregateInput, GroupKeyInput, MeasureName } from "./aggregate-schema.ts";
import { ArrowQuery, type RunOptions } from "./arrow-query.ts";
import { duration } from "./filter.ts";
import { invalidField } from "./invalid.ts";
import { toAttributeColumn, toSelectionFields } from "./selection.ts";

/** Sends a request for groups of spans. */
export type SendAggregate = (request: AggregateSpansRequest, options: RunOptions) => AsyncIterable<ArrowChunk>;

const measureNumbers: Readonly<Record<MeasureName, Measure>> = {
  count: Measure.COUNT,
  errors: Measure.ERRORS,
  sum: Measure.SUM,
  mean: Measure.MEAN,
  min: Measure.MIN,
  max: Measure.MAX,
  p50: Measure.P50,
  p90: Measure.P90,
  p95: Measure.P95,
  p99: Measure.P99,
};

const known: ReadonlySet<string> = new Set<keyof AggregateInput>([
  "groupBy",
  "measures",
  "timeBucketMs",
  "orderBy",
  "limit",
]);

/**
 * A query for groups of spans and what was measured of them; see {@link AggregateInput}.
 *
 * Open spans are counted, and left out of everything about durations. Percentiles are exact.
 * Errors: as other queries; LIMIT_EXCEEDED (caller) for more than 8 keys or 100,000 groups.
 */
export class AggregateQuery<Columns extends TypeMap> extends ArrowQuery<Columns> {
  readonly #filter: () => SpanFilter;
  readonly #input: AggregateInput;

  constructor(send: SendAggregate, filter: () => SpanFilter, input: AggregateInput) {
    super((options) => send(this.toRequest(), options));
    this.#filter = filter;
    this.#input = input;
  }

  /** The request this query sends. Errors: INVALID_FIELD. */
  toRequest(): AggregateSpansRequest {
    const { groupBy = [], measures = [], timeBucketMs, orderBy = [], limit } = this.#input;
    const stranger = Object.keys(this.#input).find((name) => !known.has(name));
    if (stranger !== undefined) throw invalidField("aggregate", stranger, `is not one of ${[...known].join(", ")}`);
    const order = Array.isArray(orderBy) ? orderBy : [orderBy];
    const selection = toSelectionFields({ columns: [], orderBy: order, limit });
    return create(AggregateSpansRequestSchema, {
      filter: this.#filter(),
      groupBy: groupBy.map(toGroupKey),
      measures: measures.map(toMeasure),
      ...(timeBucketMs !== undefined && { timeBucket: duration("timeBucketMs", timeBucketMs) }),
      orderBy: selection.orderBy,
      limit: selection.limit,
    });
  }
}

function toGroupKey(key: GroupKeyInput) {
  if (typeof key === "string") return { key: { case: "column" as const, value: key as string } };
  return { key: { case: "attribute" as const, value: toAttributeColumn(key) } };
}

function toMeasure(name: MeasureName): Measure {
  if (!Object.hasOwn(measureNumbers, name))
    throw invalidField("measures", name, `is not one of ${Object.keys(measureNumbers).join(", ")}`);
  return measureNumbers[name];
}
