import { create } from "@bufbuild/protobuf";
import {
  type ArrowChunk,
  type QuerySpansRequest,
  QuerySpansRequestSchema,
  type SpanFilter,
  type TailSpansRequest,
  TailSpansRequestSchema,
} from "@spanloom/protocol";
import type { TypeMap } from "apache-arrow";
import { AggregateQuery, type SendAggregate } from "./aggregate-query.ts";
import type { AggregateColumns, AggregateInput } from "./aggregate-schema.ts";
import { ArrowQuery, type ArrowSource, type RunOptions } from "./arrow-query.ts";
import type { OneOrMany, SpanConditions } from "./conditions.ts";
import { otlpSpanColumns } from "./file/encode-otlp.ts";
import type { TraceFormat } from "./file/file-format.ts";
import { traceColumns } from "./file/trace-rows.ts";
import { toSpanFilter } from "./filter.ts";
import { invalidField } from "./invalid.ts";
import type { AnySpanColumns, AttributeColumnInput, Selected, SpanColumn, SpanColumns } from "./schema.ts";
import { everything, type OrderInput, type Selection, selectionForFile, toSelectionFields } from "./selection.ts";
import { type SendTail, Tail, type TailInput, toTailFields } from "./tail.ts";

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

/** Sends what can be asked of spans. */
export interface SpanCalls {
  readonly query: SendSpansQuery;
  readonly aggregate: SendAggregate;
  readonly tail: SendTail<TailSpansRequest>;
}

/**
 * A query for spans: immutable; every method that narrows it gives a new one.
 *
 * Conditions are checked when the query runs.
 */
export class SpanQuery<Columns extends TypeMap = SpanColumns> extends ArrowQuery<Columns> {
  readonly #calls: SpanCalls;
  readonly #conditions: readonly SpanConditions[];
  readonly #selection: Selection;

  constructor(calls: SpanCalls, conditions: readonly SpanConditions[] = [], selection: Selection = everything) {
    super((options) => calls.query(this.toRequest(), options));
    this.#calls = calls;
    this.#conditions = conditions;
    this.#selection = selection;
  }

  /** Narrows by further conditions; those given before must hold too. */
  where(conditions: SpanConditions): SpanQuery<Columns> {
    return new SpanQuery(this.#calls, [...this.#conditions, conditions], this.#selection);
  }

  /** Returns these columns only; replaces an earlier choice. */
  columns<const Items extends readonly SpanColumnInput[]>(
    ...columns: Items
  ): SpanQuery<Selected<SpanColumns, AnySpanColumns, Items>> {
    return new SpanQuery(this.#calls, this.#conditions, { ...this.#selection, columns });
  }

  /** Sorts by these columns, the first first; replaces an earlier order. */
  orderBy(...orderBy: OrderInput<SpanColumn>[]): SpanQuery<Columns> {
    return new SpanQuery(this.#calls, this.#conditions, { ...this.#selection, orderBy });
  }

  /** Returns at most so many rows, a whole number from 1. */
  limit(limit: number): SpanQuery<Columns> {
    return new SpanQuery(this.#calls, this.#conditions, { ...this.#selection, limit });
  }

  /**
   * Groups the spans that match, and measures each group. Columns, order and limit of the spans have no meaning then and
   * are refused.
   */
  aggregate<const Input extends AggregateInput>(input: Input): AggregateQuery<AggregateColumns<Input>> {
    const filter = () => {
      if (!isEverything(this.#selection))
        throw invalidField("aggregate", this.#selection, "follows columns, orderBy or limit of spans");
      return this.#filter();
    };
    return new AggregateQuery(this.#calls.aggregate, filter, input);
  }

  /** Follows the spans that match, as they open, change and end. Order and limit are refused. */
  tail(input: TailInput = {}): Tail<Columns, TailSpansRequest> {
    return new Tail(this.#calls.tail, () =>
      create(TailSpansRequestSchema, { filter: this.#filter(), ...toTailFields(this.#selection, input) }),
    );
  }

  /** The request this query sends. Errors: INVALID_FIELD. */
  toRequest(): QuerySpansRequest {
    return this.#request(this.#selection);
  }

  protected override traceSource(format: TraceFormat): ArrowSource {
    const columns = format === "perfetto.json" ? traceColumns : otlpSpanColumns;
    const request = this.#request(selectionForFile(this.#selection, format, columns));
    return (options) => this.#calls.query(request, options);
  }

  #request(selection: Selection): QuerySpansRequest {
    return create(QuerySpansRequestSchema, { filter: this.#filter(), ...toSelectionFields(selection) });
  }

  #filter(): SpanFilter {
    const [first = {}, ...others] = this.#conditions;
    return others.length === 0 ? toSpanFilter(first) : toSpanFilter({ and: this.#conditions });
  }
}

function isEverything({ columns, orderBy, limit }: Selection): boolean {
  return columns.length === 0 && orderBy.length === 0 && limit === undefined;
}

/** A query from its object form. */
export function spanQuery<const Items extends readonly SpanColumnInput[]>(
  calls: SpanCalls,
  input: SpanQueryInput<Items>,
): SpanQuery<Selected<SpanColumns, AnySpanColumns, Items>> {
  const { columns = [], orderBy = [], limit, ...conditions } = input;
  const order = Array.isArray(orderBy) ? (orderBy as OrderInput<SpanColumn>[]) : [orderBy as OrderInput<SpanColumn>];
  return new SpanQuery(calls, [conditions], { columns, orderBy: order, limit });
}
