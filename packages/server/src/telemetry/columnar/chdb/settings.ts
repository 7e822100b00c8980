import { availableParallelism } from "node:os";
import { engineNice } from "../../background-priority.ts";

/** What the engine may take of the machine. */
export interface ChdbLimits {
  /** Most memory of the engine, in bytes. Default 2 GiB; it answers OVERLOADED instead of taking more. */
  maxMemoryBytes: number;
  /** Threads of one query. Default: one for each core, at most 4. */
  maxThreads: number;
}

/**
 * Defaults of {@link ChdbLimits}.
 *
 * More threads than cores take the cores from the network and the reader: on two cores 1M spans take 1.8 to 2.2 s to a
 * client's table with 2 threads and 2.3 to 2.5 s with 4; on four cores 1.4 to 1.8 s with 2 and 1.4 s with 4.
 */
export const defaultChdbLimits: ChdbLimits = {
  maxMemoryBytes: 2 * 1024 ** 3,
  maxThreads: Math.min(4, availableParallelism()),
};

/**
 * Settings of statements that scan.
 *
 * Else the engine gives a query one thread for each GiB that is free, hence one: for spans as rows, which the network and
 * the reader take no faster, that is as well. A quarter of the memory is left to inserts, whatever an aggregate holds.
 */
export function scanSettings({ maxMemoryBytes }: ChdbLimits): string {
  return `max_threads_min_free_memory_per_thread = 0, max_memory_usage = ${Math.floor(maxMemoryBytes * 0.75)}`;
}

/**
 * Engine arguments at connect. Left alone it takes 90 % of the machine's memory and caches of 5 GB.
 */
export function connectionArgs(limits: ChdbLimits): string[] {
  const settings: Record<string, string | number> = {
    max_server_memory_usage: limits.maxMemoryBytes,
    mark_cache_size: 64 * 1024 ** 2,
    uncompressed_cache_size: 0,
    background_pool_size: 2,
    background_schedule_pool_size: 2,
    background_common_pool_size: 2,
    max_threads: limits.maxThreads,
    os_threads_nice_value_merge_mutate: engineNice(),
    // A batch becomes one block, hence one part for each day in it.
    max_insert_threads: 1,
    // A fresh part may hold a span twice until it is merged; FINAL sees to that. Merging at insert costs 5.5 against 1.3 us a span.
    optimize_on_insert: 0,
    max_insert_block_size: 10_000_000,
    min_insert_block_size_rows: 10_000_000,
    min_insert_block_size_bytes: 1024 ** 3,
    // A sender whose clock is broken may spread one payload over a hundred days; its rows are stored all the same.
    max_partitions_per_insert_block: 0,
    // A span's first row is the same in its query as in the table; select aliases are not meant in conditions.
    prefer_column_name_to_alias: 1,
    output_format_arrow_compression_method: "none",
    output_format_arrow_low_cardinality_as_dictionary: 1,
    output_format_arrow_string_as_string: 1,
    // The engine's own writer takes three quarters of the time of Arrow's library.
    output_format_arrow_use_native_writer: 1,
  };
  return Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
}
