import type { QueryLogsRequest, QuerySpansRequest } from "@spanloom/protocol";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { Statement } from "../columnar/span-store.ts";
import { attributeColumnSql, checkName } from "./attribute-column.ts";
import type { JobTraces } from "./filter-sql.ts";
import { logFilterSql } from "./log-filter.ts";
import { Parameters, queryError } from "./parameters.ts";
import { logRows, source, spanRows } from "./row-source.ts";
import { spanFilterSql } from "./span-filter.ts";
import {
  type ColumnCatalogue,
  extraLogCatalogue,
  extraSpanCatalogue,
  logCatalogue,
  spanCatalogue,
} from "./span-schema.ts";

/**
 * Turns a query into one statement: values are bound, identifiers come from the column catalogues.
 *
 * Errors: INVALID_FIELD and LIMIT_EXCEEDED for what is malformed, UNSUPPORTED_QUERY for columns that do not exist,
 * UNIMPLEMENTED for what the protocol declares and this server does not serve.
 */
export function planSpans(request: QuerySpansRequest, jobTraces: JobTraces, reading: Reading = {}): Statement {
  const { parameters = new Parameters(), from, only } = reading;
  const context = { parameters, jobTraces, depth: 0, isFollowed: from !== undefined };
  const condition = allOf(request.filter && spanFilterSql(request.filter, context), only);
  return assemble({
    request,
    parameters,
    condition,
    catalogue: spanCatalogue,
    extra: extraSpanCatalogue,
    defaultOrder: "start_time, span_id",
    ...source({ request, jobTraces, parameters, from, table: spanRows }),
  });
}

/** Where rows are read from. */
export interface Reading {
  /** Default the latest version of every span, or every log record once. */
  from?: string;
  /** A condition beside those of the request. */
  only?: string;
  /** What `from` and `only` have bound. */
  parameters?: Parameters;
}

/** As {@link planSpans}, for log records. */
export function planLogs(request: QueryLogsRequest, jobTraces: JobTraces, reading: Reading = {}): Statement {
  const { parameters = new Parameters(), from, only } = reading;
  const context = { parameters, jobTraces, depth: 0, isFollowed: from !== undefined };
  const condition = allOf(request.filter && logFilterSql(request.filter, context), only);
  return assemble({
    request,
    parameters,
    condition,
    catalogue: logCatalogue,
    extra: extraLogCatalogue,
    defaultOrder: "time, ingest_id",
    ...source({ request, jobTraces, parameters, from, table: logRows }),
  });
}

function allOf(filter: string | undefined, only: string | undefined): string {
  return filter && only ? `(${filter}) AND ${only}` : (filter ?? only ?? "1");
}

/** The lookup of traces that these jobs have spans or logs in without owning them. */
export function planJobTraces(jobIds: readonly string[]): Statement {
  const ids = jobIds.map((id) => id.replaceAll("-", ""));
  return {
    sql: `SELECT lower(hex(job_id)) AS job, lower(hex(trace_id)) AS trace FROM ${DATABASE}.job_traces FINAL
WHERE job_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))`,
    params: { ids },
  };
}

interface Parts {
  request: Pick<QuerySpansRequest, "columns" | "attributeColumns" | "orderBy" | "limit">;
  parameters: Parameters;
  from: string;
  /** Whether `from` has the default order. */
  isOrdered: boolean;
  catalogue: ColumnCatalogue;
  extra: ColumnCatalogue;
  condition: string;
  defaultOrder: string;
}

/**
 * Rows of one batch of an answer. The engine, the network and the reader work on different batches at a time:
 * 100,000 spans over HTTP take 0.34 s in batches of 16,384 or fewer, and 0.46 s in the engine's 65,409.
 */
const BATCH_ROWS = 16_384;

/** Bytes of a batch that is smaller because its rows are large. At the engine's 1 MB most batches are. */
const BATCH_BYTES = 16 * 1024 ** 2;

/**
 * Bytes sorted in memory; more are sorted in pieces on disk. Ten million spans in an order of the caller's take 92 s and
 * at most 1.6 GB of the server so; in memory they would be refused for want of it.
 */
const SORTED_IN_MEMORY_BYTES = 512 * 1024 ** 2;

function assemble(parts: Parts): Statement {
  const { request, parameters } = parts;
  const attributes = attributeColumns(parts);
  const columns = [...selected(parts), ...attributes.map(({ name, sql }) => `${sql} AS \`${name}\``)];
  // Rows that are alike in what was asked for come in the default order, so that a limit cuts the same ones each time.
  const order = parts.isOrdered ? "" : `\nORDER BY ${[...orderSql(parts, attributes), parts.defaultOrder].join(", ")}`;
  const limit = request.limit > 0n ? `\nLIMIT ${parameters.bind("UInt64", request.limit)}` : "";
  const settings = [
    `max_block_size = ${BATCH_ROWS}`,
    `preferred_block_size_bytes = ${BATCH_BYTES}`,
    `max_bytes_before_external_sort = ${SORTED_IN_MEMORY_BYTES}`,
    "max_bytes_ratio_before_external_sort = 0",
  ].join(", ");
  const sql = `SELECT ${columns.join(", ")}
FROM ${parts.from}
WHERE ${parts.condition}${order}${limit}
SETTINGS ${settings}`;
  return { sql, params: parameters.values };
}

function selected({ request, catalogue, extra }: Parts): string[] {
  const names = request.columns.length > 0 ? request.columns : [...catalogue.keys()];
  if (new Set(names).size < names.length) {
    const twice = names.find((name, i) => names.indexOf(name) < i);
    throw queryError("INVALID_FIELD", "columns", `name "${twice}" twice`);
  }
  return names.map((name) => {
    const column = catalogue.get(name) ?? extra.get(name);
    if (!column) throw queryError("UNSUPPORTED_QUERY", "columns", `name "${name}", which does not exist`);
    return column.sql === name ? name : `${column.sql} AS ${name}`;
  });
}

/** A projected attribute. */
interface Projected {
  name: string;
  sql: string;
}

function attributeColumns({ request, parameters, catalogue }: Parts): Projected[] {
  const taken = new Set([...catalogue.keys(), ...request.columns]);
  return request.attributeColumns.map((column, i) => {
    const field = `attribute_columns[${i}]`;
    const name = column.as || column.key;
    if (taken.has(name)) throw queryError("INVALID_FIELD", `${field}.as`, `is "${name}", which is another column`);
    taken.add(name);
    checkName(name, field);
    return { name, sql: attributeColumnSql(column, field, parameters) };
  });
}

function orderSql({ request, parameters, catalogue, extra }: Parts, attributes: readonly Projected[]): string[] {
  parameters.count(request.orderBy.length);
  return request.orderBy.map(({ column, descending }, i) => {
    const definition = catalogue.get(column) ?? extra.get(column);
    // The expression, as a stored column that is not shown may have the attribute's name.
    const attribute = attributes.find(({ name }) => name === column);
    const order = definition ? definition.order : attribute?.sql;
    if (order === undefined) {
      const why = definition ? "has no order" : "does not exist";
      throw queryError("UNSUPPORTED_QUERY", `order_by[${i}].column`, `is "${column}", which ${why}`);
    }
    return `${order}${descending ? " DESC" : ""}`;
  });
}
