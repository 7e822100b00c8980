CREATE DATABASE IF NOT EXISTS spanloom ON CLUSTER 'main';

CREATE TABLE IF NOT EXISTS spanloom.schema_version_local ON CLUSTER 'main' (version UInt32, applied_at DateTime64(3, 'UTC')) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY version;

CREATE TABLE IF NOT EXISTS spanloom.schema_version ON CLUSTER 'main' AS spanloom.schema_version_local
ENGINE = Distributed('main', 'spanloom', 'schema_version_local', version);

CREATE TABLE IF NOT EXISTS spanloom.spans_local ON CLUSTER 'main' (
  trace_id FixedString(16),
  span_id FixedString(8),
  parent_span_id FixedString(8) CODEC(ZSTD(1)),
  name LowCardinality(String),
  kind LowCardinality(String),
  type LowCardinality(String),
  start_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  duration_ns Int64 CODEC(ZSTD(1)),
  status LowCardinality(String),
  status_message String CODEC(ZSTD(1)),
  job_id FixedString(16),
  job_name LowCardinality(String),
  task_id FixedString(16) CODEC(ZSTD(1)),
  task_name LowCardinality(String),
  task_version LowCardinality(String),
  attempt UInt32 CODEC(ZSTD(1)),
  queue LowCardinality(String),
  runner_id LowCardinality(String),
  service_name LowCardinality(String),
  outcome LowCardinality(String),
  scope_name LowCardinality(String),
  scope_version LowCardinality(String),
  trace_state String CODEC(ZSTD(1)),
  flags UInt32 CODEC(ZSTD(1)),
  attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  attribute_types Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1)),
  resource_attributes Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1)),
  resource_attribute_types Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  scope_attribute_types Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  dropped_attributes UInt32 CODEC(ZSTD(1)),
  events Array(Tuple(time DateTime64(9, 'UTC'), name String, attributes Map(String, String),
    attribute_types Map(String, String), dropped_attributes UInt32)) CODEC(ZSTD(1)),
  links Array(Tuple(trace_id String, span_id String, trace_state String, attributes Map(String, String),
    attribute_types Map(String, String), flags UInt32, dropped_attributes UInt32)) CODEC(ZSTD(1)),
  dropped_events UInt32 CODEC(ZSTD(1)),
  dropped_links UInt32 CODEC(ZSTD(1)),
  version UInt64 CODEC(Delta, ZSTD(1)),
  inserted_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
  resource_schema_url LowCardinality(String),
  scope_schema_url LowCardinality(String),
  resource_dropped_attributes UInt32 CODEC(ZSTD(1)),
  scope_dropped_attributes UInt32 CODEC(ZSTD(1)),
  INDEX inserted_at inserted_at TYPE minmax GRANULARITY 1
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
PARTITION BY toDate(start_time)
ORDER BY (trace_id, start_time, span_id)
SETTINGS ttl_only_drop_parts = 1, min_bytes_for_wide_part = 64000000,
  vertical_merge_algorithm_min_rows_to_activate = 20000,
  fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
  string_serialization_version = 'single_stream', materialize_ttl_recalculate_only = 1;

CREATE TABLE IF NOT EXISTS spanloom.spans ON CLUSTER 'main' AS spanloom.spans_local
ENGINE = Distributed('main', 'spanloom', 'spans_local', cityHash64(trace_id));

CREATE TABLE IF NOT EXISTS spanloom.logs_local ON CLUSTER 'main' (
  time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  observed_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  trace_id FixedString(16),
  span_id FixedString(8) CODEC(ZSTD(1)),
  severity_number UInt32 CODEC(ZSTD(1)),
  severity LowCardinality(String),
  body String CODEC(ZSTD(1)),
  body_type LowCardinality(String),
  job_id FixedString(16),
  job_name LowCardinality(String),
  task_id FixedString(16) CODEC(ZSTD(1)),
  task_name LowCardinality(String),
  task_version LowCardinality(String),
  attempt UInt32 CODEC(ZSTD(1)),
  queue LowCardinality(String),
  runner_id LowCardinality(String),
  service_name LowCardinality(String),
  scope_name LowCardinality(String),
  scope_version LowCardinality(String),
  event_name LowCardinality(String),
  flags UInt32 CODEC(ZSTD(1)),
  attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  attribute_types Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1)),
  resource_attributes Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1)),
  resource_attribute_types Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  scope_attribute_types Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  dropped_attributes UInt32 CODEC(ZSTD(1)),
  ingest_id UInt64 CODEC(Delta, ZSTD(1)),
  writer UInt64 CODEC(ZSTD(1)),
  inserted_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
  resource_schema_url LowCardinality(String),
  scope_schema_url LowCardinality(String),
  resource_dropped_attributes UInt32 CODEC(ZSTD(1)),
  scope_dropped_attributes UInt32 CODEC(ZSTD(1)),
  INDEX ingest_id ingest_id TYPE minmax GRANULARITY 1,
  INDEX inserted_at inserted_at TYPE minmax GRANULARITY 1
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toDate(time)
ORDER BY (trace_id, time, ingest_id, writer)
SETTINGS ttl_only_drop_parts = 1, min_bytes_for_wide_part = 64000000,
  vertical_merge_algorithm_min_rows_to_activate = 20000,
  fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
  string_serialization_version = 'single_stream', materialize_ttl_recalculate_only = 1;

CREATE TABLE IF NOT EXISTS spanloom.logs ON CLUSTER 'main' AS spanloom.logs_local
ENGINE = Distributed('main', 'spanloom', 'logs_local', if(trace_id = toFixedString('', 16), cityHash64(ingest_id, writer), cityHash64(trace_id)));

CREATE TABLE IF NOT EXISTS spanloom.job_traces_local ON CLUSTER 'main' (job_id FixedString(16), trace_id FixedString(16), day Date) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (job_id, trace_id);

CREATE TABLE IF NOT EXISTS spanloom.job_traces ON CLUSTER 'main' AS spanloom.job_traces_local
ENGINE = Distributed('main', 'spanloom', 'job_traces_local', cityHash64(trace_id));

CREATE MATERIALIZED VIEW IF NOT EXISTS spanloom.job_traces_of_spans ON CLUSTER 'main'
TO spanloom.job_traces_local AS
SELECT DISTINCT job_id, trace_id, toDate(start_time) AS day FROM spanloom.spans_local
WHERE job_id != trace_id AND job_id != toFixedString('', 16);

CREATE MATERIALIZED VIEW IF NOT EXISTS spanloom.job_traces_of_logs ON CLUSTER 'main'
TO spanloom.job_traces_local AS
SELECT DISTINCT job_id, trace_id, toDate(time) AS day FROM spanloom.logs_local
WHERE job_id != trace_id AND job_id != toFixedString('', 16);

ALTER TABLE spanloom.spans_local ON CLUSTER 'main' MODIFY TTL toDateTime(least(start_time, toDateTime64('2070-01-01 00:00:00', 9, 'UTC'))) + INTERVAL 30 DAY DELETE;

ALTER TABLE spanloom.logs_local ON CLUSTER 'main' MODIFY TTL toDateTime(least(time, toDateTime64('2070-01-01 00:00:00', 9, 'UTC'))) + INTERVAL 30 DAY DELETE;

ALTER TABLE spanloom.job_traces_local ON CLUSTER 'main' MODIFY TTL least(day, toDate('2070-01-01')) + INTERVAL 30 DAY DELETE;
