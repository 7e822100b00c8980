import { TestPostgres } from "@spanloom/testing";
import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openConnection } from "./connection.ts";
import { StatementBatches } from "./statement-batches.ts";

let postgres: TestPostgres;
let client: Client;
let batches: StatementBatches;
beforeAll(async () => {
  postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
});
beforeEach(async () => {
  const url = await postgres.createDatabase(`batches_${process.pid}_${Math.trunc(performance.now())}`);
  client = await openConnection({ url }, { purpose: "test", pipeline: true });
  batches = new StatementBatches(client);
});
afterEach(() => client.end());
afterAll(() => postgres.stop());

const echo = {
  name: "echo",
  text: "SELECT $1::text, $2::bytea, $3::bigint, $4::boolean, $5::bigint[], $6::text[]",
};
const one = { name: "one", text: "SELECT 1" };
const divide = { name: "divide", text: "SELECT 1 / $1::integer" };

test("values of every kind come back as they were sent, the first time and later", async () => {
  const long = `${"ä€😀".repeat(5_000)}"\\`;
  const values = [long, new Uint8Array([0, 1, 255]), 9_007_199_254_740_991, false, [1, 2], ['a"b\\', "c,d"]] as const;
  const row = [...values.slice(0, 1), Buffer.from([0, 1, 255]), ...values.slice(2)];
  const none = [null, null, null, null, null, null];
  for (let i = 0; i < 2; i++) {
    const [full, empty, nothing] = await Promise.all([
      batches.ask(echo, values),
      batches.ask(echo, none),
      batches.ask({ name: "nothing", text: "SELECT 1 WHERE false" }, []),
    ]);
    expect([full, empty, nothing]).toEqual([[row], [none], []]);
  }
});

test("what is asked for in one go runs in order", async () => {
  const insert = { name: "insert", text: "INSERT INTO numbers SELECT $1::integer" };
  const sum = { name: "sum", text: "SELECT sum(n) FROM numbers" };
  await client.query("CREATE TEMPORARY TABLE numbers (n integer)");
  const sums = [batches.ask(insert, [1]), batches.ask(sum, []), batches.ask(insert, [2]), batches.ask(sum, [])];
  expect(await Promise.all(sums)).toEqual([[], [[1]], [], [[3]]]);
});

test("what follows a failure fails with it, and everything works afterwards", async () => {
  const outcomes = await Promise.allSettled([
    batches.ask(one, []),
    batches.ask(divide, [0]),
    batches.ask(echo, ["a", null, null, null, null, null]),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  expect(outcomes[2]).toMatchObject({ reason: { message: "division by zero" } });
  const again = [batches.ask(divide, [1]), batches.ask(echo, ["a", null, null, null, null, null])];
  expect(await Promise.all(again)).toEqual([[[1]], [["a", null, null, null, null, null]]]);
});

test("what waits when the connection goes away fails", async () => {
  const { pid } = (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]!;
  const end = { name: "end", text: "SELECT pg_terminate_backend($1::integer)" };
  await expect(Promise.all([batches.ask(end, [pid]), batches.ask(one, [])])).rejects.toThrow("terminating connection");
  await expect(batches.ask(one, [])).rejects.toThrow(/ECONNRESET|EPIPE|Connection terminated|not queryable/);
});
