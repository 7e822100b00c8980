import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { JobState } from "@spanloom/protocol";
import { StoreDriver, taskSet, tempDir } from "@spanloom/testing";
import { expect, test } from "vitest";
import { SqliteStore } from "./index.ts";
import { SCHEMA_VERSION } from "./schema.sql.ts";

/** Takes back what versions 2 to 4 added. */
const BACK_TO_1 = `
DROP INDEX job_trigger_type; DROP INDEX job_schedule; DROP INDEX job_trigger;
ALTER TABLE job DROP COLUMN set_by; ALTER TABLE job DROP COLUMN trigger_type; ALTER TABLE job DROP COLUMN schedule_name;
ALTER TABLE job DROP COLUMN trigger_name; ALTER TABLE job DROP COLUMN retried_at;
DROP TABLE definition; DROP TABLE firing; DROP TABLE event; DROP TABLE event_cursor;
DROP TABLE job_retry;
DROP TABLE job_tag; DROP TABLE job_runner; DROP TABLE job_count;
DROP TABLE queue_timer; DROP TABLE rate_window; DROP INDEX job_place;
ALTER TABLE job DROP COLUMN concurrency; ALTER TABLE job DROP COLUMN admitted_at;
DROP INDEX job_created; DROP INDEX job_name; DROP INDEX job_queue; DROP INDEX job_state; DROP INDEX runner_seen;
CREATE INDEX job_open ON job (seq) WHERE ended_at IS NULL;
UPDATE meta SET value = 1 WHERE key = 'schema_version'`;

function schemaOf(db: DatabaseSync): unknown[] {
  const objects = db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").all();
  return objects.map(({ sql, ...rest }) => ({ ...rest, sql: String(sql).replace(/\s+/g, " ") }));
}

test("a folder of version 1 becomes one of this version, its jobs found by everything", async () => {
  using dir = tempDir();
  const path = join(dir.path, "control.db");
  await using driver = await StoreDriver.open(() => new SqliteStore({ dataDir: dir.path }));
  const tagged = await driver.submitJob(driver.newJob(taskSet({ name: "task" }), { tags: { team: "x" } }));
  await driver.fail(await driver.claimOne());
  await driver.retry(tagged);
  const other = driver.newId();
  await driver.succeed(await driver.claimOne({ runnerId: other }));
  const open = await driver.submit({ name: "task" });
  await driver.store.stop();

  const db = new DatabaseSync(path);
  const fresh = schemaOf(db);
  db.exec(BACK_TO_1);
  expect(schemaOf(db)).not.toEqual(fresh);
  db.close();
  await driver.reopen();
  const ids = async (query: Parameters<typeof driver.store.listJobs>[0]) =>
    (await driver.store.listJobs(query, { limit: 10 })).map(({ id }) => id);
  expect(await ids({ tags: { team: "x" } })).toEqual([tagged]);
  expect(await ids({ runnerId: driver.runnerId })).toEqual([tagged]);
  expect(await ids({ runnerId: other })).toEqual([tagged]);
  expect(await ids({ states: [JobState.QUEUED] })).toEqual([open]);
  expect([...(await driver.store.countJobs({}))]).toEqual([
    [JobState.QUEUED, 1],
    [JobState.SUCCEEDED, 1],
  ]);
  await driver.store.stop();

  const migrated = new DatabaseSync(path, { readOnly: true });
  expect(schemaOf(migrated)).toEqual(fresh);
  expect(migrated.prepare("SELECT value FROM meta").get()).toEqual({ value: SCHEMA_VERSION });
  migrated.close();
  await driver.reopen();
});
