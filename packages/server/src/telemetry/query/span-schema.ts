/**
 * Columns of spans and logs as queries return them, and how each is read from its table.
 *
 * Golden-tested: names, order and types are the public schema of docs/schema.md. Ids are text, null where there is
 * none; an open span has no end and no duration; low-cardinality text is dictionary-encoded.
 */

/** How a column is computed, and what may be sorted by. */
export interface ColumnDefinition {
  /** Expression over the stored columns. */
  sql: string;
  /** What to sort by; undefined when the column has no order. */
  order: string | undefined;
}

/** Columns by name, in the order they are returned. */
export type ColumnCatalogue = ReadonlyMap<string, ColumnDefinition>;

const none16 = "toFixedString('', 16)";
const none8 = "toFixedString('', 8)";
/** Keys of maps, and values that repeat, leave as dictionaries, as they are stored: fewer bytes, and no conversion. */
const mapOf = (name: string) => ({ sql: name });
/** Stored as text, and rarely asked for: values become dictionaries as well. */
const repeatingMapOf = (name: string) => ({
  sql: `CAST(${name}, 'Map(LowCardinality(String), LowCardinality(String))')`,
});
/**
 * As a dictionary, and converted before it is: what an answer has a few of is written as text once, not in each row. The
 * text of no id is that of zeros.
 */
const rareUuid = (name: string) =>
  `nullIf(UUIDNumToString(toLowCardinality(${name})), '00000000-0000-0000-0000-000000000000')`;
const rareHex = (name: string) => `lower(hex(toLowCardinality(${name})))`;
const uuid = (name: string) => `if(${name} = ${none16}, NULL, UUIDNumToString(${name}))`;

const catalogue = (entries: Record<string, string | { sql: string; order?: string }>): ColumnCatalogue =>
  new Map(
    Object.entries(entries).map(([name, entry]) => {
      if (typeof entry === "string") return [name, { sql: entry, order: name }];
      return [name, { sql: entry.sql, order: entry.order }];
    }),
  );

const origin = {
  // An answer is of one job or a few: as dictionaries its job and trace cost 8 instead of 76 bytes a row.
  job_id: { sql: rareUuid("job_id"), order: "job_id" },
  job_name: "job_name",
  task_id: { sql: uuid("task_id"), order: "task_id" },
  task_name: "task_name",
};
const maps = {
  attributes: mapOf("attributes"),
  attribute_types: mapOf("attribute_types"),
  resource_attributes: mapOf("resource_attributes"),
};
const envelope = {
  resource_schema_url: "resource_schema_url",
  scope_schema_url: "scope_schema_url",
  resource_dropped_attributes: "resource_dropped_attributes",
  scope_dropped_attributes: "scope_dropped_attributes",
};
const extraMaps = {
  resource_attribute_types: repeatingMapOf("resource_attribute_types"),
  scope_attributes: repeatingMapOf("scope_attributes"),
  scope_attribute_types: repeatingMapOf("scope_attribute_types"),
};
const attempt = { sql: "nullIf(attempt, 0)", order: "attempt" };

/** Columns of spans that a query without a list returns. */
export const spanCatalogue = catalogue({
  trace_id: { sql: rareHex("trace_id"), order: "trace_id" },
  span_id: { sql: "lower(hex(span_id))", order: "span_id" },
  parent_span_id: { sql: `if(parent_span_id = ${none8}, NULL, lower(hex(parent_span_id)))`, order: "parent_span_id" },
  name: "name",
  kind: "kind",
  type: "type",
  start_time: "start_time",
  end_time: {
    sql: "if(duration_ns < 0, NULL, start_time + toIntervalNanosecond(duration_ns))",
    order: "if(duration_ns < 0, NULL, start_time + toIntervalNanosecond(duration_ns))",
  },
  duration_ns: { sql: "nullIf(duration_ns, -1)", order: "nullIf(duration_ns, -1)" },
  status: "status",
  status_message: "status_message",
  outcome: "outcome",
  ...origin,
  task_version: "task_version",
  attempt,
  queue: "queue",
  runner_id: "runner_id",
  service_name: "service_name",
  scope_name: "scope_name",
  scope_version: "scope_version",
  // Spans of an attempt have one, most others none. Text takes twice the time and 83 bytes a row more.
  trace_state: { sql: "toLowCardinality(trace_state)", order: "trace_state" },
  flags: "flags",
  ...maps,
  events: { sql: "events" },
  links: { sql: "links" },
  dropped_attributes: "dropped_attributes",
  dropped_events: "dropped_events",
  dropped_links: "dropped_links",
});

/** Columns of spans returned only when named. */
export const extraSpanCatalogue = catalogue({ ...extraMaps, ...envelope });

/** Columns of logs that a query without a list returns. */
export const logCatalogue = catalogue({
  time: "time",
  observed_time: "observed_time",
  trace_id: { sql: `nullIf(${rareHex("trace_id")}, '${"0".repeat(32)}')`, order: "trace_id" },
  span_id: { sql: `if(span_id = ${none8}, NULL, lower(hex(span_id)))`, order: "span_id" },
  severity_number: "severity_number",
  severity: "severity",
  body: "body",
  ...origin,
  attempt,
  queue: "queue",
  runner_id: "runner_id",
  service_name: "service_name",
  scope_name: "scope_name",
  event_name: "event_name",
  flags: "flags",
  ...maps,
});

/** Columns of logs returned only when named. */
export const extraLogCatalogue = catalogue({
  body_type: "body_type",
  task_version: "task_version",
  scope_version: "scope_version",
  dropped_attributes: "dropped_attributes",
  ...extraMaps,
  ...envelope,
});
