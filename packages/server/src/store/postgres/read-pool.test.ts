import { TestPostgres, waitFor } from "@spanloom/testing";
import { expect, it } from "vitest";
import { toStoreError } from "./errors.ts";
import { ReadPool } from "./read-pool.ts";

const sleep = { name: "sleep", text: "SELECT pg_sleep(60)", prepared: true };
const one = { name: "one", text: "SELECT 1", prepared: true };

it("a read under way when PostgreSQL goes away fails, ends nothing else, and the next ones work again", async () => {
  await using postgres = await TestPostgres.start();
  const pool = new ReadPool({ target: { url: postgres.url("postgres") }, toError: toStoreError });
  const reads = [pool.rows(sleep), pool.snapshot((reader) => reader.rows(sleep))];
  const failed = Promise.all(reads.map((read) => read.catch((error: { reason: string }) => error.reason)));
  const active = {
    name: "active",
    text: "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)'",
    prepared: true,
  };
  await waitFor(async () => (await pool.rows(active)).length >= 2);
  await postgres.crash();
  expect(await failed).toEqual(["STORE_UNAVAILABLE", "STORE_UNAVAILABLE"]);
  await postgres.recover();
  expect(await waitFor(() => pool.rows(one).catch(() => undefined))).toEqual([[1]]);
  await pool.stop();
});
