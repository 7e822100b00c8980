import { cpSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StoreDriver, taskSet, tempDir } from "@spanloom/testing";
import { expect, test } from "vitest";
import { SqliteStore } from "./index.ts";
import { LOG_PAGES, preallocateLog } from "./preallocate-log.ts";

test("commits go into the filled log, and what a killed process leaves behind is read back from it", async () => {
  using copies = tempDir();
  let folder = "";
  await using driver = await StoreDriver.open(({ dataDir, clock }) => {
    folder = dataDir;
    return new SqliteStore({ dataDir, nowUs: clock.nowUs, preallocateLog: true });
  });
  const log = join(folder, "control.db-wal");
  const { size } = statSync(log);
  expect(size).toBeGreaterThanOrEqual(LOG_PAGES * 4_120);
  const jobIds: string[] = [];
  for (let i = 0; i < 20; i++) jobIds.push(await driver.submitJob(driver.newJob(taskSet({ name: "only" }))));
  expect(statSync(log).size).toBe(size);
  // What is on the disk now is what a SIGKILL would leave.
  for (const name of ["control.db", "control.db-wal"]) cpSync(join(folder, name), join(copies.path, name));
  await using again = new SqliteStore({ dataDir: copies.path, nowUs: driver.clock.nowUs, preallocateLog: true });
  await again.start();
  expect((await again.getJobs(jobIds, { includeOutputs: false })).map(({ id }) => id).sort()).toEqual(jobIds.sort());
});

test("what is in a log stays as it is", () => {
  using dir = tempDir();
  const path = join(dir.path, "control.db");
  writeFileSync(`${path}-wal`, "frames");
  preallocateLog(path);
  expect(readFileSync(`${path}-wal`).subarray(0, 8).toString()).toBe("frames\0\0");
});

test("a log that cannot be filled is left to grow", () => {
  using dir = tempDir();
  expect(() => preallocateLog(join(dir.path, "nothing"))).not.toThrow();
});
