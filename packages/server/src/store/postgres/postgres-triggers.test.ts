import { basename } from "node:path";
import { TestPostgres, testTriggers } from "@spanloom/testing";
import { afterAll, afterEach, beforeAll } from "vitest";
import { PostgresStore } from "./index.ts";

let postgres: TestPostgres;
let url: string;
const schemas = new Set<string>();
beforeAll(async () => {
  postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
  url = await postgres.createDatabase(`triggers_${process.pid}`);
});
afterEach(async () => {
  for (const schema of schemas) await postgres.dropSchema(url, schema);
  schemas.clear();
});
afterAll(() => postgres.stop());

testTriggers("PostgresStore", ({ dataDir, clock, cancelGraceMs }) => {
  const schema = basename(dataDir).replaceAll(/\W/g, "_").toLowerCase();
  schemas.add(schema);
  return new PostgresStore({ url, schema, nowUs: clock.nowUs, cancelGraceMs });
});
