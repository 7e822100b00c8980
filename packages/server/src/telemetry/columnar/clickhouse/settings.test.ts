import { describe, expect, it } from "vitest";
import { settingsFor } from "./settings.ts";

describe("settings of ClickHouse", () => {
  const local = settingsFor({});
  /** What a cluster adds, as the documentation promises it. */
  const added = (engines: Parameters<typeof settingsFor>[0]) =>
    Object.fromEntries(Object.entries(settingsFor(engines)).filter(([name]) => !(name in local)));
  const distributed = {
    distributed_foreground_insert: 1,
    distributed_product_mode: "local",
    skip_unavailable_shards: 0,
    distributed_ddl_output_mode: "throw",
  };
  const sequential = { select_sequential_consistency: "1" };
  const replicated = {
    ...sequential,
    insert_quorum: "auto",
    insert_quorum_parallel: 0,
    insert_quorum_timeout: 30_000,
    deduplicate_blocks_in_dependent_materialized_views: 1,
  };

  it("wait for shards and most replicas, and read what was acknowledged", () => {
    expect(added({ cluster: "main" })).toEqual({ ...distributed, ...replicated });
    expect(added({ cluster: "main", engine: "MergeTree" })).toEqual(distributed);
    expect(added({ engine: "ReplicatedMergeTree" })).toEqual(replicated);
    expect(added({ engine: "SharedMergeTree" })).toEqual(sequential);
  });

  it("acknowledge an insert when it is stored, as one block, everywhere", () => {
    expect(local).toMatchObject({ async_insert: 0, max_insert_threads: "1", max_partitions_per_insert_block: "0" });
  });
});
