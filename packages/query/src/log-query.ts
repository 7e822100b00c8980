import { create } from "@bufbuild/protobuf";
import {
  type ArrowChunk,
  type LogFilter,
  type QueryLogsRequest,
  QueryLogsRequestSchema,
  type TailLogsRequest,
  TailLogsRequestSchema,
} from "@spanloom/protocol";
import type { TypeMap } from "apache-arrow";
import { ArrowQuery, type ArrowSource, type RunOptions } from "./arrow-query.ts";
import type { LogConditions, OneOrMany } from "./conditions.ts";
import { otlpLogColumns } from "./file/encode-otlp.ts";
import type { TraceFormat } from "./file/file-format.ts";
import { toLogFilter } from "./filter.ts";
import { invalidField } from "./invalid.ts";
import type { AnyLogColumns, AttributeColumnInput, LogColumn, LogColumns, Selected } from "./schema.ts";
import { everything, type OrderInput, type Selection, selectionForFile, toSelectionFields } from "./selection.ts";
import { type SendTail, Tail, type TailInput, toTailFields } from "./tail.ts";

/** A column of log records, or an attribute projected to one. */
export type LogColumnInput = LogColumn | AttributeColumnInput;

/** A query for log records in its object form: conditions, and what to return. */
export interface LogQueryInput<Items extends readonly LogColumnInput[] = readonly LogColumnInput[]>
  extends LogConditions {
  /** Columns to return. With none named, all; projected attributes are added to those named. */
  readonly columns?: Items;
  /** Order; default by time. */
  readonly orderBy?: OneOrMany<OrderInput<LogColumn>>;
  /** Most rows; default all. */
  readonly limit?: number;
}

/** Sends a request for log records. */
export type SendLogsQuery = (request: QueryLogsRequest, options: RunOptions) => AsyncIterable<ArrowChunk>;

/** Sends what can be asked of log records. */
export interface LogCalls {
  readonly query: SendLogsQuery;
  readonly tail: SendTail<TailLogsRequest>;
}

/**
 * A query for log records: immutable; every method that narrows it gives a new one.
 *
 * Conditions are checked when the query runs.
 */
export class LogQuery<Columns extends TypeMap = LogColumns> extends ArrowQuery<Columns> {
  readonly #calls: LogCalls;
  readonly #conditions: readonly LogConditions[];
  readonly #selection: Selection;

  constructor(calls: LogCalls, conditions: readonly LogConditions[] = [], selection: Selection = everything) {
    super((options) => calls.query(this.toRequest(), options));
    this.#calls = calls;
    this.#conditions = conditions;
    this.#selection = selection;
  }

  /** Narrows by further conditions; those given before must hold too. */
  where(conditions: LogConditions): LogQuery<Columns> {
    return new LogQuery(this.#calls, [...this.#conditions, conditions], this.#selection);
  }

  /** Returns these columns only; replaces an earlier choice. */
  columns<const Items extends readonly LogColumnInput[]>(
    ...columns: Items
  ): LogQuery<Selected<LogColumns, AnyLogColumns, Items>> {
    return new LogQuery(this.#calls, this.#conditions, { ...this.#selection, columns });
  }

  /** Sorts by these columns, the first first; replaces an earlier order. */
  orderBy(...orderBy: OrderInput<LogColumn>[]): LogQuery<Columns> {
    return new LogQuery(this.#calls, this.#conditions, { ...this.#selection, orderBy });
  }

  /** Returns at most so many rows, a whole number from 1. */
  limit(limit: number): LogQuery<Columns> {
    return new LogQuery(this.#calls, this.#conditions, { ...this.#selection, limit });
  }

  /** Follows the log records that match, as they come. Order and limit are refused. */
  tail(input: TailInput = {}): Tail<Columns, TailLogsRequest> {
    return new Tail(this.#calls.tail, () =>
      create(TailLogsRequestSchema, { filter: this.#filter(), ...toTailFields(this.#selection, input) }),
    );
  }

  /** The request this query sends. Errors: INVALID_FIELD. */
  toRequest(): QueryLogsRequest {
    return this.#request(this.#selection);
  }

  protected override traceSource(format: TraceFormat): ArrowSource {
    if (format === "perfetto.json") throw invalidField("format", format, "is for spans, not for log records");
    const request = this.#request(selectionForFile(this.#selection, format, otlpLogColumns));
    return (options) => this.#calls.query(request, options);
  }

  #request(selection: Selection): QueryLogsRequest {
    return create(QueryLogsRequestSchema, { filter: this.#filter(), ...toSelectionFields(selection) });
  }

  #filter(): LogFilter {
    const [first = {}, ...others] = this.#conditions;
    return others.length === 0 ? toLogFilter(first) : toLogFilter({ and: this.#conditions });
  }
}

/** A query from its object form. */
export function logQuery<const Items extends readonly LogColumnInput[]>(
  calls: LogCalls,
  input: LogQueryInput<Items>,
): LogQuery<Selected<LogColumns, AnyLogColumns, Items>> {
  const { columns = [], orderBy = [], limit, ...conditions } = input;
  const order = Array.isArray(orderBy) ? (orderBy as OrderInput<LogColumn>[]) : [orderBy as OrderInput<LogColumn>];
  return new LogQuery(calls, [conditions], { columns, orderBy: order, limit });
}
