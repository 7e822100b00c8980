import { join } from "node:path";
import { JobState } from "@spanloom/protocol";
import { StoreDriver, taskSet, tempDir } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobQuery } from "../store.ts";
import { newControl } from "./control.ts";
import { Database, type SqlRow, type SqlValue } from "./database.ts";
import { SqliteStore } from "./index.ts";
import { countJobs, listJobs } from "./list-jobs.ts";

const RUNNER = "01900000-0000-7000-8000-000000000001";

/** Asks for the plan of every query besides its rows. */
class PlannedDatabase extends Database {
  readonly plans: string[] = [];

  override rows(sql: string, ...values: SqlValue[]): readonly SqlRow[] {
    for (const row of super.rows(`EXPLAIN QUERY PLAN ${sql}`, ...values)) this.plans.push(String(row[3]));
    return super.rows(sql, ...values);
  }
}

const dir = tempDir();
let db: PlannedDatabase;
let lastId: string;

beforeAll(async () => {
  await using driver = await StoreDriver.open(() => new SqliteStore({ dataDir: dir.path }));
  const source = { kind: "schedule", id: RUNNER, name: "s" } as const;
  const facts = { tags: { a: "1", b: "2" }, name: "n", trigger: { type: "schedule", source, depth: 0 } } as const;
  lastId = await driver.submitJob(driver.newJob(taskSet({ name: "task" }), facts));
  await driver.claimOne({ runnerId: RUNNER });
  await driver.store.stop();
  db = new PlannedDatabase(join(dir.path, "control.db"));
});

afterAll(() => {
  db?.close();
  dir[Symbol.dispose]();
});

const filters: JobQuery[] = [
  {},
  { states: [JobState.RUNNING] },
  { states: [JobState.RUNNING, JobState.FAILED] },
  { name: "n" },
  { queue: "default" },
  { tags: { a: "1" } },
  { tags: { a: "1", b: "2" } },
  { runnerId: RUNNER },
  { schedule: "s" },
  { schedule: "s", triggerTypes: ["schedule"], states: [JobState.RUNNING] },
  { triggerTypes: ["schedule"] },
  { triggerTypes: ["event", "schedule"], createdAfterUs: 1 },
  { triggerTypes: ["manual", "schedule"] },
  { createdAfterUs: 1 },
  { createdBeforeUs: 9e15 },
  { name: "n", queue: "default", states: [JobState.RUNNING], createdAfterUs: 1, tags: { a: "1" }, runnerId: RUNNER },
  { name: "n", states: [JobState.RUNNING, JobState.FAILED], createdAfterUs: 1, createdBeforeUs: 9e15 },
];

function planned<T>(run: (control: ReturnType<typeof newControl>) => T): { plans: string[]; result: T } {
  db.plans.length = 0;
  const options = { cancelGraceMs: 0, maxInlineDependencyBytes: 0, maxLeaseBytes: 0, runnerLostMs: 0 };
  const result = run(newControl(db, { ...options, nowUs: () => 0, random: () => 0 }));
  return { plans: [...db.plans], result };
}

describe.each(filters.map((query) => ({ query, name: JSON.stringify(query) })))("jobs by $name", ({ query }) => {
  test("are listed by an index, in its order", () => {
    for (const page of [{ limit: 10 }, { limit: 10, after: lastId }]) {
      const { plans, result } = planned((control) => listJobs(control, query, page));
      expect(result.map(({ id }) => id)).toEqual("after" in page ? [] : [lastId]);
      expect(plans.filter((step) => /^SCAN (?!json_each)|TEMP B-TREE/.test(step))).toEqual([]);
      expect(plans.some((step) => step.startsWith("SEARCH"))).toBe(true);
    }
  });

  test("are counted by an index, all of them without reading one", () => {
    const { plans, result } = planned((control) => countJobs(control, query));
    expect([...result]).toEqual([[JobState.RUNNING, 1]]);
    const { states: _ignored, ...conditions } = query;
    const whole = Object.keys(conditions).length === 0;
    expect(plans.filter((step) => /^SCAN (?!json_each)/.test(step))).toEqual(whole ? ["SCAN job_count"] : []);
  });
});

test("of a state that many jobs are in, those of a name, tag, queue or runner are looked at instead", () => {
  const walkOf = (query: JobQuery) =>
    planned((control) => listJobs(control, { states: [JobState.RUNNING], ...query }, { limit: 1 })).plans[0];
  expect(walkOf({ name: "n" })).toContain("job_state");
  db.run("UPDATE job_count SET count = 10001");
  expect(walkOf({ name: "n" })).toContain("job_name");
  expect(walkOf({ queue: "default" })).toContain("job_queue");
  expect(walkOf({ tags: { a: "1" } })).toMatch(/^SEARCH walked/);
  expect(walkOf({ runnerId: RUNNER })).toMatch(/^SEARCH walked/);
  expect(walkOf({})).toContain("job_state");
  db.run("UPDATE job_count SET count = 1");
});

test("jobs of a trigger, and of types that are not manual, are found by an index of those alone", () => {
  const plansOf = (query: JobQuery) => planned((control) => listJobs(control, query, { limit: 1 })).plans.join();
  expect(plansOf({ trigger: "t" })).toContain("job_trigger ");
  expect(plansOf({ schedule: "s", name: "n" })).toContain("job_schedule");
  expect(plansOf({ triggerTypes: ["event", "webhook"] })).toMatch(/job_trigger_type.*job_trigger_type/);
  expect(plansOf({ triggerTypes: ["manual", "event"] })).toContain("job_created");
});

test("jobs of a runner or tag nobody has are none", () => {
  expect(planned((control) => listJobs(control, { runnerId: lastId }, { limit: 1 })).result).toEqual([]);
  expect(planned((control) => countJobs(control, { runnerId: lastId })).result.size).toBe(0);
  expect(planned((control) => listJobs(control, { tags: { a: "2" } }, { limit: 1 })).result).toEqual([]);
});
