import { type AggregateSpansRequest, ColumnType, type GroupKey, type Order } from "@spanloom/protocol";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { Statement } from "../columnar/span-store.ts";
import { attributeColumnSql, identifier } from "./attribute-column.ts";
import { type JobTraces, nanosOf } from "./filter-sql.ts";
import { groupCountSql, groupLimitSettings, groupLimitSql } from "./group-limit.ts";
import { chosenMeasures, gatherSql, measureColumns, measuresSql } from "./measures.ts";
import { Parameters, queryError, queryLimitError } from "./parameters.ts";
import { spanFilterSql } from "./span-filter.ts";
import { spanCatalogue } from "./span-schema.ts";

/** Most keys to group by. */
const MAX_KEYS = 8;
/** Column of the start of a time bucket. */
const BUCKET = "time_bucket";
const PREFIX = "of_";

/** A column of the answer that tells groups apart. */
interface Key {
  name: string;
  /** What is grouped by, over the stored columns, as it stands in a list of columns. */
  grouped: string;
  /** The name of that, to group and to sort by. */
  by: string;
  /** What is shown of it. */
  shown: string;
}

/**
 * Turns an aggregate into one statement: groups are made of what is stored, and only then shown as text.
 *
 * Errors: INVALID_FIELD and LIMIT_EXCEEDED for what is malformed, UNSUPPORTED_QUERY for columns that do not exist or
 * cannot be grouped by.
 */
export function planAggregate(request: AggregateSpansRequest, jobTraces: JobTraces): Statement {
  const parameters = new Parameters();
  const keys = keysOf(request, parameters);
  const gathering = { measures: chosenMeasures(request.measures), prefix: PREFIX };
  const condition = request.filter ? spanFilterSql(request.filter, { parameters, jobTraces, depth: 0 }) : "1";
  const grouped = [...keys.map((key) => key.grouped), ...gatherSql(gathering), groupCountSql];
  const values = measuresSql(gathering);
  const shown = [...keys.map((key) => key.shown), ...values.map(({ column, value }) => `${value} AS ${column}`)];
  const columns = new Set(values.map(({ column }) => column));
  const order = [...orderSql(request.orderBy, keys, columns), ...keys.map(({ by }) => by)];
  const limit = request.limit > 0n ? `\nLIMIT ${parameters.bind("UInt64", request.limit)}` : "";
  const sql = `SELECT ${shown.join(", ")}
FROM (
SELECT ${grouped.join(", ")}
FROM ${DATABASE}.spans FINAL
WHERE ${condition}${keys.length > 0 ? `\nGROUP BY ${keys.map(({ by }) => by).join(", ")}` : ""}
SETTINGS ${groupLimitSettings}
)
WHERE ${groupLimitSql}${order.length > 0 ? `\nORDER BY ${order.join(", ")}` : ""}${limit}`;
  return { sql, params: parameters.values, scans: true };
}

function keysOf({ groupBy, timeBucket }: AggregateSpansRequest, parameters: Parameters): Key[] {
  if (groupBy.length > MAX_KEYS) {
    const facts = { limit: MAX_KEYS, actual: groupBy.length };
    throw queryLimitError("group_by", `has ${groupBy.length} keys, more than ${MAX_KEYS}`, facts);
  }
  const keys = timeBucket ? [bucketKey(nanosOf(timeBucket), parameters)] : [];
  const taken = new Set([BUCKET, ...measureColumns]);
  for (const [i, group] of groupBy.entries()) {
    const key = groupKey(group, i, parameters);
    if (taken.has(key.name)) {
      throw queryError("INVALID_FIELD", `group_by[${i}]`, `is named "${key.name}", which is another column`);
    }
    taken.add(key.name);
    keys.push(key);
  }
  return keys;
}

function bucketKey(widthNs: bigint, parameters: Parameters): Key {
  if (widthNs <= 0n || widthNs >= 2n ** 63n) {
    throw queryError("INVALID_FIELD", "time_bucket", `is ${widthNs} ns, outside 1 to 2^63`);
  }
  const width = parameters.bind("Int64", widthNs);
  return {
    name: BUCKET,
    grouped: `intDiv(toUnixTimestamp64Nano(start_time), ${width}) AS bucket`,
    by: "bucket",
    shown: `fromUnixTimestamp64Nano(bucket * ${width}, 'UTC') AS ${BUCKET}`,
  };
}

/** Columns that have a value of their own for nearly every span, and those that are computed. */
const notGrouped: ReadonlySet<string> = new Set(["span_id", "start_time", "end_time", "duration_ns"]);

function groupKey({ key }: GroupKey, i: number, parameters: Parameters): Key {
  const field = `group_by[${i}]`;
  switch (key.case) {
    case "column":
      return columnKey(key.value, `${field}.column`);
    case "attribute": {
      const by = `key_${i}`;
      const name = key.value.as || key.value.key;
      const at = `${field}.attribute`;
      const given = attributeColumnSql(key.value, at, parameters);
      // The engine would tell 0 and -0 apart.
      const value = key.value.type === ColumnType.FLOAT64 ? `${given} + 0` : given;
      return { name, grouped: `${value} AS ${by}`, by, shown: `${by} AS ${identifier(name, at)}` };
    }
    default:
      throw queryError("INVALID_FIELD", field, "has neither a column nor an attribute");
  }
}

function columnKey(name: string, field: string): Key {
  const column = spanCatalogue.get(name);
  if (!column) throw queryError("UNSUPPORTED_QUERY", field, `is "${name}", which does not exist`);
  if (column.order !== name || notGrouped.has(name)) {
    const hint = name === "start_time" ? "; time_bucket groups by it" : "";
    throw queryError("UNSUPPORTED_QUERY", field, `is "${name}", which cannot be grouped by${hint}`);
  }
  const shown = column.sql === name ? name : `${column.sql} AS ${name}`;
  return { name, grouped: name, by: name, shown };
}

function orderSql(orders: readonly Order[], keys: readonly Key[], columns: ReadonlySet<string>): string[] {
  return orders.map(({ column, descending }, i) => {
    const by = keys.find(({ name }) => name === column)?.by ?? (columns.has(column) ? column : undefined);
    if (by === undefined) {
      throw queryError("UNSUPPORTED_QUERY", `order_by[${i}].column`, `is "${column}", which the answer does not have`);
    }
    return `${by}${descending ? " DESC" : ""}`;
  });
}
