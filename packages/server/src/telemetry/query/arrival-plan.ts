import { DATABASE } from "../columnar/schema.sql.ts";
import type { Statement, TelemetryTable } from "../columnar/span-store.ts";
import { Parameters } from "./parameters.ts";
import { type Window, windowSql } from "./tail-plan.ts";

/** Which rows of a window to read: those after a place, in the order they came. */
export interface ArrivalPageRequest {
  /** It begins with rows of this time that are after `place`, and ends before `untilUs`. */
  window: Window;
  /** Place among the rows of one time; empty before the first. */
  place: string;
  maxRows: number;
}

const shared = [
  "flags",
  "attributes",
  "attribute_types",
  "dropped_attributes",
  "resource_attributes",
  "resource_attribute_types",
  "resource_schema_url",
  "resource_dropped_attributes",
  "scope_name",
  "scope_version",
  "scope_attributes",
  "scope_attribute_types",
  "scope_schema_url",
  "scope_dropped_attributes",
];
const spanColumns = [
  "name",
  "kind",
  "type",
  "start_time",
  "duration_ns",
  "status",
  "status_message",
  "trace_state",
  "events",
  "links",
  "dropped_events",
  "dropped_links",
  ...shared,
];
const logColumns = [
  "time",
  "observed_time",
  "severity_number",
  "severity",
  "body",
  "body_type",
  "event_name",
  ...shared,
];

const resource = "resource_attributes, resource_attribute_types, resource_schema_url, resource_dropped_attributes";
const scope =
  "scope_name, scope_version, scope_attributes, scope_attribute_types, scope_schema_url, scope_dropped_attributes";
/** All that a span says: what is stored again with the same, and another version, need not be given on again. */
const spanContent = `parent_span_id, name, kind, start_time, duration_ns, status, status_message, trace_state, flags,
attributes, attribute_types, dropped_attributes, events, links, dropped_events, dropped_links, ${resource}, ${scope}`;

const digits = (sql: string) => `leftPad(toString(${sql}), 20, '0')`;
const spanPlace = "lower(concat(hex(trace_id), hex(span_id)))";
const logPlace = `concat(lower(hex(trace_id)), ${["toUnixTimestamp64Nano(time)", "ingest_id", "writer"].map(digits).join(", ")})`;

/** Rows of one batch: about what is turned into messages at a time. */
const BATCH_ROWS = 512;

/** Memory that a page may take, which is held whole: some tens of times what one of usual rows does. */
const PAGE_MEMORY = 512 * 1024 ** 2;

/**
 * Turns a page of what came within a window into one statement: ended spans whose latest version came then, or log
 * records, in the order they came. Of rows that came again, the first counts. Each has a key of what it is about and one of
 * what it says, so that who reads them can tell what it has had. OVERLOADED where rows are so large that fewer must be asked
 * for.
 */
export function planArrivalPage(table: TelemetryTable, request: ArrivalPageRequest): Statement {
  const parameters = new Parameters();
  const { sql, place, columns } = table === "spans" ? spans(request, parameters) : logs(request, parameters);
  const after = `(inserted_at > ${at(request.window.fromUs, parameters)} OR ${place} > ${parameters.bind("String", request.place)})`;
  return {
    sql: `SELECT toUnixTimestamp64Micro(inserted_at) AS arrived, ${place} AS place,
cityHash64(${resource}) AS resource_key, cityHash64(${scope}) AS scope_key, ${columns}
FROM (${sql})
WHERE ${after}
ORDER BY arrived, place LIMIT ${parameters.bind("UInt64", request.maxRows)}
SETTINGS max_block_size = ${BATCH_ROWS}, max_memory_usage = ${PAGE_MEMORY}`,
    params: parameters.values,
    isSmall: true,
  };
}

function spans({ window }: ArrivalPageRequest, parameters: Parameters) {
  const inWindow = windowSql(window, parameters);
  // The highest version, and of rows that have it the one that came first.
  const rank = "(version, -toUnixTimestamp64Micro(inserted_at))";
  const sql = `SELECT * FROM ${DATABASE}.spans
WHERE ${inWindow} AND duration_ns >= 0 AND (trace_id, span_id, ${rank}) IN (
SELECT trace_id, span_id, max(${rank}) FROM ${DATABASE}.spans
WHERE (trace_id, start_time, span_id) IN (SELECT trace_id, start_time, span_id FROM ${DATABASE}.spans WHERE ${inWindow})
GROUP BY trace_id, span_id)
LIMIT 1 BY trace_id, span_id`;
  const columns = [
    "lower(hex(trace_id)) AS trace",
    "lower(hex(span_id)) AS span",
    "lower(hex(parent_span_id)) AS parent",
    "cityHash64(trace_id, span_id) AS record_key",
    `cityHash64(${spanContent}) AS content_key`,
    ...spanColumns,
  ].join(", ");
  return { sql, place: spanPlace, columns };
}

function logs({ window }: ArrivalPageRequest, parameters: Parameters) {
  const inWindow = windowSql(window, parameters);
  const key = "trace_id, time, ingest_id, writer";
  const sql = `SELECT * FROM ${DATABASE}.logs
WHERE ${inWindow} AND (${key}, inserted_at) IN (
SELECT ${key}, min(inserted_at) FROM ${DATABASE}.logs
WHERE (trace_id, time) IN (SELECT trace_id, time FROM ${DATABASE}.logs WHERE ${inWindow})
GROUP BY ${key})
LIMIT 1 BY ${key}`;
  const columns = [
    "lower(hex(trace_id)) AS trace",
    "lower(hex(span_id)) AS span",
    "cityHash64(trace_id, time, ingest_id, writer) AS record_key",
    "toUInt64(0) AS content_key",
    ...logColumns,
  ].join(", ");
  return { sql, place: logPlace, columns };
}

function at(us: bigint, parameters: Parameters): string {
  return `fromUnixTimestamp64Micro(${parameters.bind("Int64", us)}, 'UTC')`;
}
