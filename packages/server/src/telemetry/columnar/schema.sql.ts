import { engineFamily, engineOf, type TableEngines } from "./table-engines.ts";

/**
 * The telemetry schema in ClickHouse SQL, the same for chDB, one ClickHouse and a cluster: engine names are all that
 * differs, and on a cluster every table stands twice. `spans_local` holds the rows of its shard, `spans`, of the engine
 * Distributed, is what is written and read. Rows of a trace are on one shard: so versions of a span meet, and FINAL,
 * which every shard does for itself, is right for all of them.
 *
 * Spans are ordered by trace and start so that one job reads one range, already in the order queries ask for, and
 * first rows leave before the last are read: 1M spans with attributes stream in 0.6 s ordered, against 2.0 s when
 * ordered by (trace, span), which sorts; and take 31 against 43 bytes. A resent span has the same trace, start and id,
 * and the row of the highest version wins. A resent log record has the same trace, time, ingest id and writer, and any
 * of its rows will do: an insert whose answer was lost may simply be made again, even while the first is under way.
 *
 * `inserted_at` is the store's own clock when a row came, whichever server sent it: what tells a tail what is new. Rows
 * of one insert have one time, so it takes next to nothing.
 *
 * `job_traces` names the traces of jobs that do not own theirs (trace id = job id), so that a job filter is always a
 * filter on the primary key.
 */

/** Database of all tables. */
export const DATABASE = "spanloom";

/** Version of the schema below. */
export const SCHEMA_VERSION = 5;

const map = "Map(LowCardinality(String), String) CODEC(ZSTD(1))";
/** A map whose values repeat from row to row, stored as it is sent: 0.25 us less a span than texts made dictionaries. */
export const repeatingMap = "Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1))";
const dictionary = "LowCardinality(String)";
const origin = `
  job_id FixedString(16),
  job_name ${dictionary},
  task_id FixedString(16) CODEC(ZSTD(1)),
  task_name ${dictionary},
  task_version ${dictionary},
  attempt UInt32 CODEC(ZSTD(1)),
  queue ${dictionary},
  runner_id ${dictionary},
  service_name ${dictionary},`;
const shared = `
  attributes ${map},
  attribute_types ${repeatingMap},
  resource_attributes ${repeatingMap},
  resource_attribute_types ${map},
  scope_attributes ${map},
  scope_attribute_types ${map},
  dropped_attributes UInt32 CODEC(ZSTD(1)),`;

/** What a resource and a scope say beside their attributes, by name. */
export const envelopeColumns: Readonly<Record<string, string>> = {
  resource_schema_url: dictionary,
  scope_schema_url: dictionary,
  resource_dropped_attributes: "UInt32 CODEC(ZSTD(1))",
  scope_dropped_attributes: "UInt32 CODEC(ZSTD(1))",
};
const envelope = Object.entries(envelopeColumns)
  .map(([name, type]) => `\n  ${name} ${type},`)
  .join("");

/** The store's own clock when a row came. */
export const insertedAt = "DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1))";

const spanColumns = `(
  trace_id FixedString(16),
  span_id FixedString(8),
  parent_span_id FixedString(8) CODEC(ZSTD(1)),
  name ${dictionary},
  kind ${dictionary},
  type ${dictionary},
  start_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  duration_ns Int64 CODEC(ZSTD(1)),
  status ${dictionary},
  status_message String CODEC(ZSTD(1)),${origin}
  outcome ${dictionary},
  scope_name ${dictionary},
  scope_version ${dictionary},
  trace_state String CODEC(ZSTD(1)),
  flags UInt32 CODEC(ZSTD(1)),${shared}
  events Array(Tuple(time DateTime64(9, 'UTC'), name String, attributes Map(String, String),
    attribute_types Map(String, String), dropped_attributes UInt32)) CODEC(ZSTD(1)),
  links Array(Tuple(trace_id String, span_id String, trace_state String, attributes Map(String, String),
    attribute_types Map(String, String), flags UInt32, dropped_attributes UInt32)) CODEC(ZSTD(1)),
  dropped_events UInt32 CODEC(ZSTD(1)),
  dropped_links UInt32 CODEC(ZSTD(1)),
  version UInt64 CODEC(Delta, ZSTD(1)),
  inserted_at ${insertedAt},${envelope}
  INDEX inserted_at inserted_at TYPE minmax GRANULARITY 1
)`;

const logColumns = `(
  time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  observed_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  trace_id FixedString(16),
  span_id FixedString(8) CODEC(ZSTD(1)),
  severity_number UInt32 CODEC(ZSTD(1)),
  severity ${dictionary},
  body String CODEC(ZSTD(1)),
  body_type ${dictionary},${origin}
  scope_name ${dictionary},
  scope_version ${dictionary},
  event_name ${dictionary},
  flags UInt32 CODEC(ZSTD(1)),${shared}
  ingest_id UInt64 CODEC(Delta, ZSTD(1)),
  writer UInt64 CODEC(ZSTD(1)),
  inserted_at ${insertedAt},${envelope}
  INDEX ingest_id ingest_id TYPE minmax GRANULARITY 1,
  INDEX inserted_at inserted_at TYPE minmax GRANULARITY 1
)`;

/**
 * A wide part is 230 files, whose making costs more than the rows in them: 4 us a row in inserts of 65k rows. So what
 * is inserted is compact, a dozen files; what is merged from two full inserts is wide, and merges column by column:
 * 1.4 us a row, against 4.4 us for compact parts, whose rows are merged whole.
 *
 * Parts are synced before they count, so what the spool has let go of survives a loss of power, and parts that were
 * merged away are not needed a second longer.
 *
 * Lengths of texts stand between the texts: apart from them they compress worse, 62 against 51 bytes a span.
 */
const mergeSettings = `ttl_only_drop_parts = 1, min_bytes_for_wide_part = 64000000,
  vertical_merge_algorithm_min_rows_to_activate = 20000,
  fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
  string_serialization_version = 'single_stream', materialize_ttl_recalculate_only = 1`;

/** Name of the table that holds the rows of `table`: on a cluster, those of one shard. */
export function heldTable({ cluster }: TableEngines, table: string): string {
  return `${DATABASE}.${table}${cluster === undefined ? "" : "_local"}`;
}

/** What makes a statement run on every server of the cluster. */
export function onCluster({ cluster }: TableEngines): string {
  return cluster === undefined ? "" : ` ON CLUSTER '${cluster}'`;
}

/** The database and the table with the version of the schema: asked before anything else. */
export function versionStatements(engines: TableEngines): string[] {
  const columns = "(version UInt32, applied_at DateTime64(3, 'UTC'))";
  return [
    `CREATE DATABASE IF NOT EXISTS ${DATABASE}${onCluster(engines)}`,
    ...table(engines, {
      name: "schema_version",
      columns,
      engine: engineOf(engineFamily(engines), ""),
      layout: "ORDER BY version",
      shard: "version",
    }),
  ];
}

/** Statements that make the schema; each may be run again. */
export function schemaStatements(engines: TableEngines): string[] {
  const replacing = (...version: string[]) => engineOf(engineFamily(engines), "Replacing", ...version);
  return [
    ...table(engines, {
      name: "spans",
      columns: spanColumns,
      engine: replacing("version"),
      layout: `PARTITION BY toDate(start_time)
ORDER BY (trace_id, start_time, span_id)
SETTINGS ${mergeSettings}`,
      shard: "cityHash64(trace_id)",
    }),
    ...table(engines, {
      name: "logs",
      columns: logColumns,
      engine: replacing(),
      layout: `PARTITION BY toDate(time)
ORDER BY (trace_id, time, ingest_id, writer)
SETTINGS ${mergeSettings}`,
      // Records without a trace go to all shards, each always to the same.
      shard: "if(trace_id = toFixedString('', 16), cityHash64(ingest_id, writer), cityHash64(trace_id))",
    }),
    ...table(engines, {
      name: "job_traces",
      columns: "(job_id FixedString(16), trace_id FixedString(16), day Date)",
      engine: replacing(),
      layout: "ORDER BY (job_id, trace_id)",
      shard: "cityHash64(trace_id)",
    }),
    jobTracesView(engines, "spans", "start_time"),
    jobTracesView(engines, "logs", "time"),
  ];
}

interface Table {
  name: string;
  columns: string;
  engine: string;
  /** Partitions, order and settings. */
  layout: string;
  /** What decides about a row's shard. */
  shard: string;
}

function table(engines: TableEngines, { name, columns, engine, layout, shard }: Table): string[] {
  const { cluster } = engines;
  const held = heldTable(engines, name);
  const statements = [
    `CREATE TABLE IF NOT EXISTS ${held}${onCluster(engines)} ${columns} ENGINE = ${engine}
${layout}`,
  ];
  if (cluster === undefined) return statements;
  const [, local] = held.split(".");
  statements.push(`CREATE TABLE IF NOT EXISTS ${DATABASE}.${name}${onCluster(engines)} AS ${held}
ENGINE = Distributed('${cluster}', '${DATABASE}', '${local}', ${shard})`);
  return statements;
}

function jobTracesView(engines: TableEngines, name: string, time: string): string {
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS ${DATABASE}.job_traces_of_${name}${onCluster(engines)}
TO ${heldTable(engines, "job_traces")} AS
SELECT DISTINCT job_id, trace_id, toDate(${time}) AS day FROM ${heldTable(engines, name)}
WHERE job_id != trace_id AND job_id != toFixedString('', 16)`;
}

/** Longest retention, in days: the engine's 32-bit expiry times end in 2106. */
export const MAX_RETENTION_DAYS = 10_000;

/** Statements that drop rows older than `days`, 1..MAX_RETENTION_DAYS. */
export function retentionStatements(engines: TableEngines, days: number): string[] {
  // A row from a clock that is far ahead would expire before its time: its expiry overflows.
  const capped = (time: string) => `toDateTime(least(${time}, toDateTime64('2070-01-01 00:00:00', 9, 'UTC')))`;
  const change = (name: string, time: string) =>
    `ALTER TABLE ${heldTable(engines, name)}${onCluster(engines)} MODIFY TTL ${time} + INTERVAL ${days} DAY DELETE`;
  return [
    change("spans", capped("start_time")),
    change("logs", capped("time")),
    change("job_traces", "least(day, toDate('2070-01-01'))"),
  ];
}
