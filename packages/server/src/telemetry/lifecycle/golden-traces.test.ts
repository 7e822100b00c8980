import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type MakeStore, StoreDriver, TestPostgres } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresStore } from "../../store/postgres/index.ts";
import { SqliteStore } from "../../store/sqlite/index.ts";
import type { InsertBatch } from "../columnar/span-store.ts";
import { rowsOf } from "../ingest/otlp-fixture.ts";
import { Projector } from "./projector.ts";
import { describeTraces, type SpanRow } from "./testing/describe-traces.ts";
import { traceScenarios } from "./testing/trace-scenarios.ts";

const folder = join(import.meta.dirname, "testdata");

/** The spans of everything a store holds, derived from its record alone, as after a crash. */
async function projectAll({ store, clock }: StoreDriver): Promise<SpanRow[]> {
  const batches: InsertBatch[] = [];
  const projector = new Projector({
    store,
    clock: { nowUs: clock.nowUs, schedule: () => () => undefined },
    log: () => undefined,
    insert: async (batch) => void batches.push(batch),
  });
  await projector.recover();
  await projector.flush();
  await projector.stop();
  return rowsOf(...batches.map(({ ipc }) => ipc));
}

function testGoldenTraces(makeStore: MakeStore): void {
  it.each(Object.entries(traceScenarios))("%s", async (name, play) => {
    await using driver = await StoreDriver.open(makeStore);
    await play(driver);
    await expect(describeTraces(await projectAll(driver))).toMatchFileSnapshot(join(folder, `${name}.txt`));
  });
}

describe("golden traces", () => {
  it("are of scenarios that exist", () => {
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(traceScenarios)
        .map((name) => `${name}.txt`)
        .sort(),
    );
  });

  describe("on SQLite", () => {
    testGoldenTraces(
      ({ dataDir, clock, cancelGraceMs }) => new SqliteStore({ dataDir, nowUs: clock.nowUs, cancelGraceMs }),
    );
  });

  describe("on PostgreSQL", () => {
    let postgres: TestPostgres;
    let url: string;
    beforeAll(async () => {
      postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
      url = await postgres.createDatabase(`golden_traces_${process.pid}`);
    });
    afterAll(() => postgres.stop());
    testGoldenTraces(({ dataDir, clock, cancelGraceMs }) => {
      const schema = basename(dataDir).replaceAll(/\W/g, "_").toLowerCase();
      return new PostgresStore({ url, schema, nowUs: clock.nowUs, cancelGraceMs });
    });
  });
});
