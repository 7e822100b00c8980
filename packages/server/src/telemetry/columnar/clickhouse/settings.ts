import type { ClickHouseSettings } from "@clickhouse/client";
import { isReplicated, isShared, type TableEngines } from "../table-engines.ts";

/** As the embedded engine is set up; what is about memory and threads is the server's own to say. */
const common: ClickHouseSettings = {
  // A batch becomes one block, hence one part for each day in it: whole or not at all within a day.
  max_insert_threads: "1",
  max_insert_block_size: "10000000",
  min_insert_block_size_rows: "10000000",
  min_insert_block_size_bytes: "1073741824",
  max_partitions_per_insert_block: "0",
  optimize_on_insert: 0,
  // An insert is acknowledged when it is stored, never when it is merely queued.
  async_insert: 0,
  wait_end_of_query: 0,
  prefer_column_name_to_alias: 1,
  output_format_arrow_compression_method: "none",
  output_format_arrow_low_cardinality_as_dictionary: 1,
  output_format_arrow_string_as_string: 1,
};

/** What Distributed tables need. */
const distributed: ClickHouseSettings = {
  // An insert is acknowledged when every shard has its rows: by default it waits in a folder of the one that took it.
  distributed_foreground_insert: 1,
  // Subqueries are about the trace of the row they are asked for, which is on the shard that asks.
  distributed_product_mode: "local",
  // A shard that is away fails a query: never a part for the whole.
  skip_unavailable_shards: 0,
  distributed_ddl_output_mode: "throw",
};

/** What tables on storage that servers share need: a query sees what came before it, whichever server is asked. */
const sequential: ClickHouseSettings = { select_sequential_consistency: "1" };

/**
 * What replicated tables need: an insert is acknowledged when most replicas have it, one insert after the other, and a
 * replica answers only if it has every insert that was acknowledged. So a query sees what came before it, whatever
 * replica is asked, and what was acknowledged outlives the loss of one.
 */
const replicated: ClickHouseSettings = {
  insert_quorum: "auto",
  insert_quorum_parallel: 0,
  insert_quorum_timeout: 30_000,
  ...sequential,
  // A repeated insert reaches job_traces also when the first try reached the table and no further.
  deduplicate_blocks_in_dependent_materialized_views: 1,
};

/** Settings of every statement. */
export function settingsFor(engines: TableEngines): ClickHouseSettings {
  return {
    ...common,
    ...(engines.cluster !== undefined && distributed),
    ...(isShared(engines) && sequential),
    ...(isReplicated(engines) && replicated),
  };
}
