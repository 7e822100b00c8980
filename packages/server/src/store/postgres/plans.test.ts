import { JobState, TaskState } from "@spanloom/protocol";
import { type FakeClock, StoreDriver, storeCases, TestPostgres, taskSet } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MaintenanceOutcome, QueueStatsRecord } from "../store.ts";
import { openConnection } from "./connection.ts";
import { PostgresStore } from "./index.ts";
import { migrate } from "./migrate.ts";
import { allStatements } from "./statement.ts";
import { forgetTriggers, inMillionTasks, loadMillionTasks, neverUs } from "./testing/million-tasks.ts";
import {
  describePlan,
  type ExecutedPlan,
  explainedUrl,
  recordPlans,
  rowsRead,
  scannedTables,
} from "./testing/plan-recorder.ts";

/** Tables that grow with use, which no statement may read from one end to the other. */
const bigTables = new Set([
  ...["job", "task_group", "group_edge", "task", "attempt", "job_runner", "timer", "queue_timer"],
  ...["ready", "ready_line", "holder", "job_place", "definition", "firing", "event"],
]);

/** No operation here is about more than 3,001 tasks; each may be looked at twice, and the record around it a little. */
const MAX_ROWS = 7_000;

/** Statements whose work is a backlog's or a count's by their nature; people and autoscalers ask for them now and then. */
const unbounded: Readonly<Record<string, string>> = {
  queued_by_queue: "adds up the runs on offer, of all queues when none is named",
  scheduled_by_queue: "looks at what is scheduled",
  running_by_queue: "looks at what runs",
  page_of_jobs_by_state: "sifts the jobs of a state when another condition finds few of them",
  open_by_state: "adds up the jobs that are open, by the index of those",
  job_counts: "counts jobs, by an index of ended ones and one of open ones",
  forget_firings: "looks for definitions that have more firings than they keep, every few minutes",
  unmatched_events: "looks at each event that it answers three times: at its size first",
};

/** Statements that only a fault brings about. */
const unexercised: Readonly<Record<string, string>> = {
  remove_gone_servers: "run every five seconds while there is work; its table has a row for each server",
};

/** Cases that ask for everything there is, of which there is more here, two that would only take long, and one whose key was used. */
const leftOut = new Set([
  "jobs are listed newest first, by every filter, page by page",
  "queue statistics count what waits, runs and is scheduled",
  "the backlog shows what is open, and what was done is counted once it is committed",
  "ended jobs stay unprojected until their spans are known to be stored",
  "runners not heard of for a day are forgotten; attempts still name theirs",
  "a retry announces what is ready and what changed, and the job's next end",
  "a runner that is silent is lost, its leases when they expire, and it is active when it speaks again",
  "a chain of nested tasks closes all its ancestors at once",
  "a submission of 16 MiB is read back byte for byte",
  "a job of a key that another request used fails, one of the same request is that job",
  "a time that is fired submits its job, is recorded, and moves its schedule on",
  "events are listed newest first by key, time, source and webhook, in pages",
  "events that were matched are forgotten in time, and what comes later is matched",
  "events wait in the order they came, as many at a time as asked for, by count and by bytes",
  "firings are listed newest first by source, event and outcome, in pages",
  "jobs are found by what set them going",
  "schedules are due by their time, the longest due first, no more than asked for",
  "they are listed by name, byte by byte, in pages",
]);

const recorder = recordPlans();
let postgres: TestPostgres;
let url: string;
beforeAll(async () => {
  // Its own, whatever else there is: statements are explained to a superuser only.
  postgres = await TestPostgres.start();
  url = await postgres.createDatabase("million");
  await migrate({ url });
  const client = await openConnection({ url }, { purpose: "loader" });
  await loadMillionTasks(client);
  await client.end();
});
afterAll(async () => {
  recorder.stop();
  await postgres.stop();
});

/** A store that does not tell of the timers of the million, which are never due. */
class StoreBeside extends PostgresStore {
  override async maintain(limit: number): Promise<MaintenanceOutcome> {
    const outcome = await super.maintain(limit);
    return outcome.nextDueUs === undefined || outcome.nextDueUs < neverUs
      ? outcome
      : { ...outcome, nextDueUs: undefined };
  }
}

type MakeOptions = { clock: FakeClock; cancelGraceMs: number };
const makeStore = ({ clock, cancelGraceMs }: MakeOptions) =>
  new StoreBeside({ url: explainedUrl(url), nowUs: clock.nowUs, cancelGraceMs });

/** Ends what a case left open, so that the next one finds nothing of it. */
async function endAll(driver: StoreDriver): Promise<void> {
  const client = await openConnection({ url }, { purpose: "cleaner" });
  await forgetTriggers(client);
  await client.end();
  await driver.reopen();
  for (const id of driver.jobIds) await driver.store.cancelJob(id, "the case is over");
  driver.clock.advance(3_600_000);
  await driver.store.maintain(1_000);
}

/** Executions of the store's statements so far, by name. */
function executed(): Map<string, ExecutedPlan[]> {
  const names = new Map(allStatements().map(({ name, text }) => [text, name]));
  const byName = new Map<string, ExecutedPlan[]>();
  for (const plan of recorder.plans) {
    const name = names.get(plan.text);
    if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), plan]);
  }
  return byName;
}

// In this order: what the first two do is what the others look at.
describe("beside a million tasks", () => {
  it("the store does what the suite asks of it", async () => {
    // Another server listens, so that news are sent.
    await using other = new PostgresStore({ url });
    await other.start();
    const failed: Record<string, string> = {};
    for (const cases of Object.values(storeCases)) {
      for (const [name, body] of Object.entries(cases)) {
        if (leftOut.has(name) || name.startsWith("whatever happens")) continue;
        await using driver = await StoreDriver.open(makeStore);
        await body(driver).catch((error: Error) => {
          failed[name] = error.message;
        });
        await endAll(driver);
      }
    }
    expect(failed).toEqual({});
  });

  it("jobs, tasks, runners and queues are found by every filter", async () => {
    await using driver = await StoreDriver.open(makeStore);
    const { store } = driver;
    const { endedJobId, endedJobSeq, runnerId, giantJobId } = inMillionTasks;
    const found = async (query: Parameters<typeof store.listJobs>[0], after?: string) =>
      (await store.listJobs(query, { limit: 20, ...(after && { after }) })).map(({ name }) => name);
    expect(await found({ name: "giant" })).toEqual(["giant"]);
    expect(await found({ tags: { run: String(endedJobSeq) } })).toEqual([`job-${endedJobSeq % 1000}`]);
    expect(await found({ tags: { team: "team-7" }, states: [JobState.SUCCEEDED] })).toHaveLength(0);
    expect(await found({ tags: { team: "team-7" }, states: [JobState.FAILED] })).toHaveLength(20);
    expect(await found({ runnerId })).toHaveLength(20);
    expect(await found({ queue: "no such queue" })).toEqual([]);
    expect(await found({ states: [JobState.RUNNING] })).toEqual(["giant"]);
    expect(await found({ states: [JobState.CANCELLED], queue: "backlog" })).toEqual([]);
    expect(await found({ states: [JobState.QUEUED, JobState.FAILED] }, giantJobId)).toHaveLength(20);
    expect(await found({}, endedJobId)).toHaveLength(20);
    const [job] = await store.getJobs([endedJobId], { includeOutputs: true });
    const times = { createdAfterUs: job!.createdAtUs, createdBeforeUs: job!.createdAtUs + 1 };
    expect((await store.listJobs(times, { limit: 20 })).map(({ id }) => id)).toEqual([endedJobId]);
    const counts = await store.countJobs({ queue: "backlog" });
    expect([counts.get(JobState.RUNNING), counts.get(JobState.QUEUED)]).toEqual([1, 20_000]);
    expect((await store.countJobs({ name: "giant" })).get(JobState.RUNNING)).toBe(1);
    await readTasks(driver);
    const own = await driver.submit({ name: "own" });
    const lease = await driver.claimOne();
    await store.heartbeat(driver.runnerId, [{ ...lease, progress: [] }], 60_000);
    await driver.succeed(lease);
    await store.markProjected(new Map([[own, (await driver.job(own)).endedAtUs!]]));
    expect(await store.unprojectedJobs(10, giantJobId)).toHaveLength(10);
    const [stats] = await store.queueStats(["backlog"]);
    expect(stats).toMatchObject({ queued: 230_000, scheduled: 20_000, running: 0, runners: 1_000 });
    expect((await store.queueStats([])).find(({ queue }) => queue === "backlog")).toEqual(stats);
    const backlog = await store.backlog();
    expect(backlog.queues.find(({ queue }) => queue === "backlog")).toEqual(withoutScheduled(stats!));
    expect(backlog.jobs.get(JobState.QUEUED)).toBe(counts.get(JobState.QUEUED));
    expect(backlog.tasks.get(TaskState.SCHEDULED)).toBe(20_000);
    const runners = await store.listRunners({}, { limit: 2 });
    expect(await store.listRunners({ queue: "backlog" }, { limit: 2, after: runners[1]!.id })).toHaveLength(2);
  });

  async function readTasks({ store }: StoreDriver): Promise<void> {
    const { endedJobId, giantJobId } = inMillionTasks;
    const page = { limit: 10 };
    const tasks = await store.listTasks({ jobId: endedJobId, includePayloads: true }, page);
    expect(tasks).toHaveLength(10);
    for (const includePayloads of [true, false]) {
      const children = await store.listTasks({ jobId: endedJobId, parentId: tasks[0]!.id, includePayloads }, page);
      expect(children.map(({ id }) => id)).toEqual(tasks.slice(1).map(({ id }) => id));
    }
    const first = await store.listTasks({ jobId: giantJobId, includePayloads: false }, page);
    const next = await store.listTasks({ jobId: giantJobId, includePayloads: false }, { ...page, after: first[9]!.id });
    expect(next).toHaveLength(10);
    const blocked = { jobId: giantJobId, states: [TaskState.BLOCKED], includePayloads: false };
    expect(
      await store.listTasks(blocked, { ...page, after: (await store.taskIds(giantJobId, { limit: 100_000 })).at(-1)! }),
    ).toHaveLength(10);
    expect(await store.readSubmission(endedJobId)).toMatchObject({ name: expect.stringContaining("job-") });
  }

  it("schedules, firings, events and what they set going are found by every filter", async () => {
    await using driver = await StoreDriver.open(makeStore);
    const { store } = driver;
    const { triggers } = store;
    const jobs = async (query: Parameters<typeof store.listJobs>[0]) => store.listJobs(query, { limit: 20 });
    expect(await jobs({ schedule: "schedule-10" })).toHaveLength(20);
    expect(await jobs({ trigger: "schedule-10" })).toHaveLength(0);
    expect(await jobs({ triggerTypes: ["schedule"] })).toHaveLength(20);
    expect(await jobs({ triggerTypes: ["event", "webhook"], schedule: "schedule-10" })).toHaveLength(0);
    expect(await jobs({ triggerTypes: ["manual"], states: [JobState.FAILED] })).toHaveLength(20);
    const page = { limit: 20 };
    const schedules = await triggers.list({ kind: "schedule", namePrefix: "~schedule-77" }, page);
    expect(schedules.map(({ lastFiring }) => lastFiring?.sourceId)).toEqual(schedules.map(({ id }) => id));
    expect(await triggers.list({ kind: "schedule" }, { ...page, after: schedules[19]!.name })).toHaveLength(20);
    expect(await triggers.dueSchedules(neverUs + 1_000, 20)).toHaveLength(20);
    expect(await triggers.nextScheduleUs()).toBe(neverUs + 1);
    expect(await triggers.listFirings({ sourceId: schedules[0]!.id }, page)).toHaveLength(10);
    expect(await triggers.listFirings({ sourceId: schedules[0]!.id, outcomes: ["missed"] }, page)).toEqual([]);
    expect(await triggers.listFirings({ outcomes: ["failed"] }, page)).toHaveLength(20);
    expect(await triggers.listFirings({ outcomes: ["missed"] }, page)).toEqual([]);
    expect(await triggers.listFirings({ eventId: "event-10" }, page)).toHaveLength(1);
    const newest = await triggers.listEvents({}, page);
    expect(await triggers.listEvents({}, { ...page, after: newest[19]!.seq })).toHaveLength(20);
    expect(await triggers.listEvents({ keyPrefix: "bulk.key-7" }, page)).toHaveLength(20);
    expect(await triggers.listEvents({ keyPrefix: "bulk.key-777", keyRegex: "bulk\\.key-777" }, page)).toHaveLength(20);
    expect(await triggers.listEvents({ keyPrefix: "none" }, page)).toEqual([]);
    const { receivedAtUs } = newest[19]!;
    const range = { receivedAfterUs: receivedAtUs - 50_000, receivedBeforeUs: receivedAtUs - 49_990 };
    expect(await triggers.listEvents(range, page)).toHaveLength(10);
    expect(await triggers.unmatched(1_000, 1_000_000)).toMatchObject({ events: [] });
    expect(await triggers.tidy(receivedAtUs, 1_000)).toBe(1_000);
  });

  it("hundreds of schedules fire by as many statements as three, each under a concurrency key of its own", async () => {
    await using driver = await StoreDriver.open(makeStore);
    const { triggers } = driver.store;
    const statementsToFire = async (count: number, round: string): Promise<string[]> => {
      const nextAtUs = driver.clock.nowUs();
      const definition = { kind: "schedule", body: Buffer.from("body"), pauseReason: "", keepFirings: 1 } as const;
      const made = Array.from({ length: count }, (_, i) =>
        triggers.put({ ...definition, id: driver.newId(), name: `${round} ${i}`, paused: false, nextAtUs }, 0),
      );
      const schedules = (await Promise.all(made)).map((record) => record!);
      const before = recorder.plans.length;
      const fired = await triggers.fire(
        schedules.map(({ id, revision }) => {
          const concurrency = { key: `schedule:${id}`, limit: 1, policy: "rejectNew" } as const;
          const job = driver.newJob(taskSet({ name: "fired" }), {
            id: driver.newId(),
            idempotencyKey: id,
            concurrency,
          });
          const firing = { id: job.id, scheduledAtUs: nextAtUs, requested: false, what: { job } };
          const advance = { revision, fromUs: nextAtUs, nextAtUs: undefined, lastAtUs: nextAtUs };
          return { scheduleId: id, advance, firings: [firing] };
        }),
      );
      expect(new Set(fired.map((firings) => firings?.[0]?.outcome))).toEqual(new Set(["submitted"]));
      driver.jobIds.push(...fired.map((firings) => firings![0]!.jobId));
      const run = recorder.plans.slice(before).map(({ text }) => text);
      // Numbers are reserved in blocks, now and then.
      return run.filter((text) => !text.includes("setval")).toSorted();
    };
    // The first stores the spec that all share.
    await statementsToFire(3, "first");
    const few = await statementsToFire(3, "few");
    expect(few.length).toBeGreaterThan(5);
    expect(await statementsToFire(300, "many")).toEqual(few);
    await endAll(driver);
  });

  it("servers ask each other", async () => {
    await using other = new PostgresStore({ url });
    await other.start();
    other.peers.onAsk(async () => true);
    await using driver = await StoreDriver.open(makeStore);
    expect(await driver.store.peers?.ask("lifecycle", 5_000)).toEqual({
      failed: [],
      silent: [],
      gone: [],
      unsure: [],
    });
  });

  it("servers take exporters from each other", async () => {
    await using driver = await StoreDriver.open(makeStore);
    const cursors = driver.store.exportCursors!;
    const [taken] = await cursors.take(["one"], 1_000);
    expect(await cursors.keep([taken!], 1_000)).toEqual(new Set(["one"]));
    await cursors.forget(0);
  });

  it("every statement of the store was executed", () => {
    const missing = allStatements()
      .map(({ name }) => name)
      .filter((name) => !executed().has(name) && !executed().has(otherForm(name)) && !(name in unexercised));
    expect(missing).toEqual([]);
  });

  it("no statement reads a table that grows from one end to the other", () => {
    const scans: string[] = [];
    for (const [name, plans] of executed()) {
      if (name in unbounded) continue;
      const worst = plans.find((plan) => scannedTables(plan).some((table) => bigTables.has(table)));
      if (worst) scans.push(`${name}:\n${describePlan(worst)}`);
    }
    expect(scans.join("\n")).toBe("");
  });

  it("no statement looks at more rows than its operation is about", () => {
    const wide: string[] = [];
    for (const [name, plans] of executed()) {
      if (name in unbounded) continue;
      const worst = plans.reduce((most, plan) => (rowsRead(plan) > rowsRead(most) ? plan : most));
      if (rowsRead(worst) > MAX_ROWS) wide.push(`${name} looked at ${rowsRead(worst)} rows:\n${describePlan(worst)}`);
    }
    expect(wide.join("\n")).toBe("");
  });
});

function withoutScheduled({ scheduled: _scheduled, ...stats }: QueueStatsRecord): Omit<QueueStatsRecord, "scheduled"> {
  return stats;
}

/** A bulk statement has a form for one row and one for many; either shows that it is served. */
function otherForm(name: string): string {
  return name.endsWith("_one") ? name.slice(0, -"_one".length) : `${name}_one`;
}
