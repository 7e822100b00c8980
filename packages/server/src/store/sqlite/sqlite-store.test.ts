import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { JobState } from "@spanloom/protocol";
import { FakeClock, type MakeStore, StoreDriver, taskSet, tempDir, testStore } from "@spanloom/testing";
import { describe, expect, test, vi } from "vitest";
import { jobTransitions, taskTransitions } from "../../engine/states.ts";
import { SqliteStore } from "./index.ts";
import { JobTable } from "./jobs.ts";

/** What the store counts and what a scan of the record finds must be the same (I4); each query lists differences. */
const differences = {
  "open tasks of a group": `SELECT g.seq, g.open FROM task_group g WHERE g.open <>
    (SELECT count(*) FROM task t WHERE t.seq BETWEEN g.first AND g.first + g.count - 1 AND t.state <= 5)`,
  "groups a group waits for": `SELECT g.seq, g.waits FROM task_group g WHERE g.open > 0 AND g.waits <>
    (SELECT count(*) FROM group_edge e JOIN task_group d ON d.seq = e.dependency WHERE e.dependant = g.seq AND d.open > 0)`,
  "open groups of a parent": `SELECT p.seq, p.open_groups FROM task p WHERE p.state = 5 AND p.open_groups <>
    (SELECT count(*) FROM task_group g WHERE g.parent = p.seq AND g.open > 0)`,
  "blocked tasks of an unblocked group": `SELECT t.seq FROM task t JOIN task_group g ON g.seq = t.task_group
    WHERE t.state = 1 AND g.waits = 0`,
  "jobs by state": `SELECT state, count(*) FROM job GROUP BY state
    EXCEPT SELECT state, count FROM job_count`,
  "states without jobs": `SELECT state, count FROM job_count WHERE count > 0 EXCEPT SELECT state, count(*) FROM job GROUP BY state`,
  "runners of a job": `SELECT t.runner, g.job FROM task t JOIN task_group g ON g.seq = t.task_group WHERE t.attempt > 0
    EXCEPT SELECT runner, job FROM job_runner`,
  "scheduled tasks without a timer": `SELECT seq FROM task WHERE state = 2 AND NOT EXISTS
    (SELECT 1 FROM timer WHERE timer.task = task.seq AND timer.at = task.scheduled_at)`,
};

/** Compares the record with a scan of it whenever it is closed. */
class CheckedStore extends SqliteStore {
  readonly #path: string;

  constructor(options: ConstructorParameters<typeof SqliteStore>[0]) {
    super(options);
    this.#path = join(options.dataDir, "control.db");
  }

  override async stop(): Promise<void> {
    await super.stop();
    const db = new DatabaseSync(this.#path, { readOnly: true });
    for (const [what, sql] of Object.entries(differences)) expect(db.prepare(sql).all(), what).toEqual([]);
    db.close();
  }
}

/** Every transition the stores of this file make, as `from -> to`. */
const observed = { task: new Set<string>(), job: new Set<string>() };

const { move, setState, add } = JobTable.prototype;
vi.spyOn(JobTable.prototype, "move").mockImplementation(function (this: JobTable, ...args) {
  observed.task.add(`${args[1]} -> ${args[2]}`);
  move.apply(this, args);
});
vi.spyOn(JobTable.prototype, "setState").mockImplementation(function (this: JobTable, work, next) {
  if (work.state !== next) observed.job.add(`${work.state} -> ${next}`);
  setState.call(this, work, next);
});
vi.spyOn(JobTable.prototype, "add").mockImplementation(function (this: JobTable, work) {
  observed.job.add(`${JobState.UNSPECIFIED} -> ${work.state}`);
  add.call(this, work);
});

const makeChecked: MakeStore = ({ dataDir, clock, cancelGraceMs }) =>
  new CheckedStore({ dataDir, nowUs: clock.nowUs, cancelGraceMs });

testStore("SqliteStore", makeChecked);

/** The superuser may write anywhere, so permissions prove nothing to it. */
async function asOrdinaryUser<T>(run: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return run();
  process.seteuid!(65_534);
  try {
    return await run();
  } finally {
    process.seteuid!(0);
  }
}

describe("the data folder", () => {
  test("a second store on an open folder is refused, naming the holder", async () => {
    using dir = tempDir();
    await using holder = new SqliteStore({ dataDir: dir.path });
    await holder.start();
    const error = await new SqliteStore({ dataDir: dir.path }).start().catch((cause) => cause);
    expect(error).toMatchObject({ reason: "INVALID_STATE" });
    expect(error.message).toContain(`(pid ${process.pid})`);
    await holder.stop();
    await using next = new SqliteStore({ dataDir: dir.path });
    await next.start();
  });

  test("a folder from a newer version is refused and left as it is", async () => {
    using dir = tempDir();
    await using store = new SqliteStore({ dataDir: dir.path });
    await store.start();
    await store.stop();
    const db = new DatabaseSync(join(dir.path, "control.db"));
    db.exec("UPDATE meta SET value = 99 WHERE key = 'schema_version'");
    db.close();
    const start = new SqliteStore({ dataDir: dir.path }).start();
    await expect(start).rejects.toMatchObject({ reason: "INVALID_STATE", facts: { actual: 99 } });
    await expect(start).rejects.toThrow(/version 99, this program knows up to \d+; start a newer Spanloom/);
    const left = new DatabaseSync(join(dir.path, "control.db"), { readOnly: true });
    expect(left.prepare("SELECT value FROM meta").get()).toEqual({ value: 99 });
    left.close();
  });

  test("another program's database and a file that is none are refused", async () => {
    using dir = tempDir();
    const path = join(dir.path, "control.db");
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE other (x)");
    db.close();
    await expect(new SqliteStore({ dataDir: dir.path }).start()).rejects.toThrow(/not a Spanloom control-plane store/);
    rmSync(path);
    writeFileSync(path, "this is no database, and long enough to be told apart from an empty file");
    await expect(new SqliteStore({ dataDir: dir.path }).start()).rejects.toMatchObject({ reason: "INVALID_STATE" });
  });

  test("a folder that cannot be made is refused, naming it and the cause", async () => {
    using dir = tempDir();
    writeFileSync(join(dir.path, "file"), "");
    const start = new SqliteStore({ dataDir: join(dir.path, "file", "data") }).start();
    await expect(start).rejects.toMatchObject({ reason: "INVALID_STATE" });
    await expect(start).rejects.toThrow(/cannot write to data folder .*ENOTDIR/);
  });

  test("a read-only folder is refused, with and without a store in it", async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o755);
    const folders = [join(dir.path, "empty"), join(dir.path, "used")];
    for (const folder of folders) mkdirSync(folder);
    await using store = new SqliteStore({ dataDir: folders[1]! });
    await store.start();
    await store.stop();
    for (const folder of folders) {
      chmodSync(folder, 0o555);
      const error = await asOrdinaryUser(() => new SqliteStore({ dataDir: folder }).start().catch((cause) => cause));
      expect(error).toMatchObject({ reason: "INVALID_STATE" });
      expect(error.message).toMatch(
        new RegExp(`^cannot write to data folder ${folder}: no permission to write ${folder}/lock as user id \\d+$`),
      );
    }
  });

  test("a store whose files belong to someone else is refused, naming the file", async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o777);
    await using store = new SqliteStore({ dataDir: dir.path });
    await store.start();
    await store.stop();
    chmodSync(join(dir.path, "lock"), 0o666);
    const file = join(dir.path, "control.db");
    chmodSync(file, 0o444);
    const error = await asOrdinaryUser(() => new SqliteStore({ dataDir: dir.path }).start().catch((cause) => cause));
    expect(error).toMatchObject({ reason: "INVALID_STATE" });
    expect(error.message).toContain(`cannot open ${file}: no permission to write ${file}`);
  });

  test("a claim ends when its answer is full, and what is left is announced to others", async () => {
    using dir = tempDir();
    await using driver = await StoreDriver.open(
      () => new SqliteStore({ dataDir: dir.path, nowUs: new FakeClock().nowUs, maxLeaseBytes: 1 }),
    );
    await driver.submit({ name: "large", count: 20 });
    const announced: string[] = [];
    driver.store.on("ready", (queues) => announced.push(...queues.keys()));
    expect(await driver.claim()).toHaveLength(16);
    expect(announced).toEqual(["default"]);
    expect(await driver.claim()).toHaveLength(4);
  });

  test("a full disk rejects the write whole, and the store goes on once there is room", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const full = () => new SqliteStore({ dataDir: dir.path, nowUs: clock.nowUs, maxBytes: 400_000 });
    await using driver = await StoreDriver.open(full);
    const small = await driver.submit({ name: "small" });
    const large = driver.newJob(taskSet({ name: "large", count: 50_000 }));
    await expect(driver.store.submitJobs([large])).rejects.toMatchObject({ reason: "OVERLOADED", retryable: true });
    expect(await driver.store.getJobs([large.id], { includeOutputs: false })).toEqual([]);
    expect(await driver.drain()).toEqual(["small"]);
    expect(await driver.jobState(small)).toBe("SUCCEEDED");
    await driver.submit({ name: "small" });
  });
});

describe("the tables of states", () => {
  test.for(["task", "job"] as const)(
    "have every transition a %s made in this suite, and no other",
    (what, { skip }) => {
      if (observed.job.size < 8) skip("only when the whole suite has run");
      const table = Object.entries(what === "task" ? taskTransitions : jobTransitions);
      const listed = table.flatMap(([from, targets]) => targets.map((to) => `${from} -> ${to}`));
      expect([...observed[what]].sort()).toEqual(listed.sort());
    },
  );
});

/** A server's worth of writes, each acknowledged on a line of its own, until it is killed. */
const CHILD = `
import { taskSet, StoreDriver } from "@spanloom/testing";
import { SqliteStore } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
const [dataDir] = process.argv.slice(1);
const driver = await StoreDriver.open(() => new SqliteStore({ dataDir }));
for (;;) {
  const jobs = await Promise.all(Array.from({ length: 5 }, () => driver.submit({ name: "root" })));
  console.log(JSON.stringify({ jobs }));
  const leases = await driver.claim();
  const reports = leases.map((l) => driver.success(l, "x", l.name === "root" ? taskSet({ name: "leaf", count: 3 }) : undefined));
  const outcomes = await driver.report(...reports);
  console.log(JSON.stringify({ done: reports.filter((_, i) => outcomes[i] === "ok").map((r) => r.taskId) }));
}`;

/** Runs the child until it has acknowledged enough, then kills it as a power cut would. */
async function killAfter(dataDir: string, lines: number): Promise<{ jobs: string[]; done: string[] }> {
  const args = ["--input-type=module", "-e", CHILD, dataDir];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], cwd: import.meta.dirname });
  const acknowledged = { jobs: [] as string[], done: [] as string[] };
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { jobs = [], done = [] } = JSON.parse(line) as Partial<typeof acknowledged>;
    acknowledged.jobs.push(...jobs);
    acknowledged.done.push(...done);
    if (++seen === lines) child.kill("SIGKILL");
  }
  return acknowledged;
}

describe("SIGKILL", () => {
  test("nothing acknowledged is lost, the lock is free and the work goes on", async () => {
    using dir = tempDir();
    const makeStore = () => new CheckedStore({ dataDir: dir.path });
    for (const lines of [15, 40, 90]) {
      const { jobs, done } = await killAfter(dir.path, lines);
      await using store = makeStore();
      await store.start();
      expect(done.length).toBeGreaterThan(0);
      const known = await store.getJobs(jobs, { includeOutputs: false });
      expect(known.map(({ id }) => id).sort()).toEqual([...jobs].sort());
      const { tasks } = await store.readLifecycle([], done);
      expect(tasks).toHaveLength(done.length);
      expect(tasks.filter(({ attempts }) => attempts.at(-1)?.endedAtUs === undefined)).toEqual([]);
    }
  });
});
