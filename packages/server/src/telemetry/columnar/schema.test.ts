import { TestClickHouse } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { DATABASE, retentionStatements, schemaStatements, versionStatements } from "./schema.sql.ts";
import { checkCluster, checkEngine, clusterEngine, engineOf, type TableEngines } from "./table-engines.ts";

const all = (engines: TableEngines) => [
  ...versionStatements(engines),
  ...schemaStatements(engines),
  ...retentionStatements(engines, 30),
];
const asFile = (engines: TableEngines) => `${all(engines).join(";\n\n")};\n`;
/** Without what names engines and clusters, and without the tables that only a cluster has. */
const bare = (engines: TableEngines) =>
  all(engines)
    .filter((sql) => !sql.includes("ENGINE = Distributed("))
    .map((sql) =>
      sql
        .replace(/ENGINE = \w*?(Replacing|)MergeTree(\(.*\))?/, "ENGINE = $1")
        .replace(/ ON CLUSTER '\w+'/, "")
        .replace(/_local\b/g, ""),
    );

describe("the schema", () => {
  it("is what the golden files say, for one machine and for a cluster", async () => {
    await expect(asFile({})).toMatchFileSnapshot("testdata/schema-one-machine.sql");
    await expect(asFile({ cluster: "main" })).toMatchFileSnapshot("testdata/schema-cluster.sql");
    await expect(asFile({ cluster: "main", engine: "SharedMergeTree" })).toMatchFileSnapshot(
      "testdata/schema-shared.sql",
    );
  });

  it("differs by names of engines, cluster and tables alone", () => {
    expect(bare({ cluster: "main" })).toEqual(bare({}));
    expect(bare({ engine: "ReplicatedMergeTree" })).toEqual(bare({}));
  });

  it("is taken by the engine in each form, twice", async () => {
    for (const engines of [{}, { cluster: "spanloom" }, { cluster: "twice", engine: "MergeTree" }]) {
      await using server = await TestClickHouse.start();
      for (const sql of [...all(engines), ...all(engines)]) {
        // A replicated table that is not connected to others takes no change, and waits instead of saying so.
        if (sql.startsWith("ALTER") && !("engine" in engines) && "cluster" in engines) continue;
        const answer = await fetch(server.url, { method: "POST", body: sql });
        expect([sql, answer.status, await answer.text()]).toEqual([sql, 200, ""]);
      }
      const made = `SELECT name, engine FROM system.tables WHERE database = '${DATABASE}' ORDER BY name`;
      const answer = await fetch(server.url, { method: "POST", body: made });
      expect(await answer.text()).toMatchSnapshot();
    }
  });
});

describe("engine names", () => {
  it("lead to the variants of a family", () => {
    const variants = (family: string) => [engineOf(family, ""), engineOf(family, "Replacing", "version")];
    expect(variants("MergeTree")).toEqual(["MergeTree", "ReplacingMergeTree(version)"]);
    expect(variants("SharedMergeTree")).toEqual(["SharedMergeTree", "SharedReplacingMergeTree(version)"]);
    const given = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'";
    expect(variants(clusterEngine)).toEqual([
      `ReplicatedMergeTree(${given})`,
      `ReplicatedReplacingMergeTree(${given}, version)`,
    ]);
  });

  it("are taken or refused, with what they may be", () => {
    for (const engine of ["MergeTree", "ReplicatedMergeTree", "SharedMergeTree", clusterEngine]) {
      expect(checkEngine("x", engine)).toBe(engine);
    }
    for (const engine of [
      "Memory",
      "MergeTree()",
      "MergeTree('/a', 'b')",
      "ReplicatedMergeTree('a)', 'b'); DROP",
      "",
    ]) {
      expect(() => checkEngine("SPANLOOM_CLICKHOUSE_ENGINE", engine)).toThrow(
        `cannot use SPANLOOM_CLICKHOUSE_ENGINE "${engine}": it must be MergeTree, ReplicatedMergeTree or SharedMergeTree`,
      );
    }
    expect(checkCluster("x", "main-1.eu")).toBe("main-1.eu");
    for (const name of ["", "a'b", "a b", "{cluster}"]) {
      expect(() => checkCluster("SPANLOOM_CLICKHOUSE_CLUSTER", name)).toThrow(
        `cannot use SPANLOOM_CLICKHOUSE_CLUSTER "${name}": it must be a name of letters, digits, _, - and .`,
      );
    }
  });
});
