import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestPostgres } from "@spanloom/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { seeded } from "./seeded.ts";
import { runTriggerChaos } from "./trigger-chaos.ts";

let postgres: TestPostgres;
let folder: string;
beforeAll(async () => {
  postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const SECONDS = 12;
const common = { seconds: SECONDS, note: () => {} };

test("P7: a server that is killed again and again fires each time once and takes each event once", async () => {
  const outcome = await runTriggerChaos({ ...common, folder, servers: 1, catchUpMs: 60_000, random: seeded(1) });
  expect(outcome.wrong).toEqual([]);
  expect(outcome.kills).toBeGreaterThan(0);
  expect(outcome.fired).toBeGreaterThan(SECONDS);
}, 240_000);

test("P7: two servers of which one is killed or held fire each time once and take each event once", async () => {
  const databaseUrl = await postgres.createDatabase(`trigger_chaos_${process.pid}`);
  const target = { folder, databaseUrl, servers: 2, catchUpMs: 0 };
  const outcome = await runTriggerChaos({ ...common, ...target, random: seeded(2) });
  expect(outcome.wrong).toEqual([]);
  expect(outcome.kills).toBeGreaterThan(0);
  expect(outcome.fired).toBeGreaterThan(SECONDS);
}, 240_000);
