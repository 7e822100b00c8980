import { create } from "@bufbuild/protobuf";
import { type ArrowChunk, type QuerySpansRequest, QuerySpansRequestSchema } from "@spanloom/protocol";
import type { TypeMap } from "apache-arrow";
import { ArrowQuery, type RunOptions } from "./arrow-query.ts";
import type { OneOrMany, SpanConditions } from "./conditions.ts";
import { toSpanFilter } from "./filter.ts";
import type { AnySpanColumns, AttributeColumnInput, Selected, SpanColumn, SpanColumns } from "./schema.ts";
import { everything, type OrderInput, type Selection, toSelectionFields } from "./selection.ts";

/** A column of spans, or an attribute projected to one. */
export type SpanColumnInput = SpanColumn | AttributeColumnInput;

/** A query for spans in its object form: conditions, and what to return. */
export interface SpanQueryInput<Items extends readonly SpanColumnInput[] = readonly SpanColumnInput[]>
  extends SpanConditions {
  /** Columns to return. With none named, all; projected attributes are added to those named. */
  readonly columns?: Items;
  /** Order; default by start time, then span id. */
  readonly orderBy?: OneOrMany<OrderInput<SpanColumn>>;
  /** Most rows; default all. */
  readonly limit?: number;
}

/** Sends a request for spans. */
export type SendSpansQuery = (request: QuerySpansRequest, options: RunOptions) => AsyncIterable<ArrowChunk>;

/**
 * A query for spans: immutable; every method that narrows it gives a new one.
 *
 * Conditions are checked when the query runs.
 */
export class SpanQuery<Columns extends TypeMap = SpanColumns> extends ArrowQuery<Columns> {
  readonly #send: SendSpansQuery;
  readonly #conditions: readonly SpanConditions[];
  readonly #selection: Selection;

  constructor(send: SendSpansQuery, conditions: readonly SpanConditions[] = [], selection: Selection = everything) {
    super((options) => send(this.toRequest(), options));
    this.#send = send;
    this.#conditions = conditions;
    this.#selection = selection;
  }

  /** Narrows by further conditions; those given before must hold too. */
  where(conditions: SpanConditions): SpanQuery<Columns> {
    return new SpanQuery(this.#send, [...this.#conditions, conditions], this.#selection);
  }

  /** Returns these columns only; replaces an earlier choice. */
  columns<const Items extends readonly SpanColumnInput[]>(
    ...columns: Items
  ): SpanQuery<Selected<SpanColumns, AnySpanColumns, Items>> {
    return new SpanQuery(this.#send, this.#conditions, { ...this.#selection, columns });
  }

  /** Sorts by these columns, the first first; replaces an earlier order. */
  orderBy(...orderBy: OrderInput<SpanColumn>[]): SpanQuery<Columns> {
    return new SpanQuery(this.#send, this.#conditions, { ...this.#selection, orderBy });
  }

  /** Returns at most so many rows, a whole number from 1. */
  limit(limit: number): SpanQuery<Columns> {
    return new SpanQuery(this.#send, this.#conditions, { ...this.#selection, limit });
  }

  /** The request this query sends. Errors: INVALID_FIELD. */
  toRequest(): QuerySpansRequest {
    const [first = {}, ...others] = this.#conditions;
    const filter = others.length === 0 ? toSpanFilter(first) : toSpanFilter({ and: this.#conditions });
    return create(QuerySpansRequestSchema, { filter, ...toSelectionFields(this.#selection) });
  }
}

/** A query from its object form. */
export function spanQuery<const Items extends readonly SpanColumnInput[]>(
  send: SendSpansQuery,
  input: SpanQueryInput<Items>,
): SpanQuery<Selected<SpanColumns, AnySpanColumns, Items>> {
  const { columns = [], orderBy = [], limit, ...conditions } = input;
  const order = Array.isArray(orderBy) ? (orderBy as OrderInput<SpanColumn>[]) : [orderBy as OrderInput<SpanColumn>];
  return new SpanQuery(send, [conditions], { columns, orderBy: order, limit });
}
