import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  durationFromMs,
  type Firing,
  FiringOutcome,
  fromConnectError,
  type Job,
  JobState,
  OverlapPolicy,
  type PutScheduleRequest,
  type SpanloomError,
  TriggerType,
  timestampFromUs,
  usFromTimestamp,
} from "@spanloom/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LoopRunner, returned } from "./rpc/testing/loop-runner.ts";
import { ClockedServer } from "./testing/clocked-server.ts";

const MINUTE = 60_000;

let folder: string;
let server: ClockedServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
  server = new ClockedServer(folder);
  // To half a minute past a whole one.
  server.clock.advance(1.5 * MINUTE - ((server.clock.nowUs() / 1000) % MINUTE));
  await server.start();
});

afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const input = new TextEncoder().encode("{}");
const job = {
  name: "report",
  tasks: { specs: [{ identifier: { name: "build" } }], groups: [{ inputs: [input], specs: [0] }] },
};
const everyMinute = { times: { case: "cron", value: { expression: "* * * * *" } } } as const;
const at = (us: number) => timestampFromUs(us)!;

/** Puts a schedule of every minute, with changes. */
async function put(changes: Partial<PutScheduleRequest> | object = {}) {
  return server.triggers.putSchedule({ name: "s", spec: everyMinute, job, ...changes } as never);
}

/** Firings of a schedule, oldest first. */
async function firings(name = "s"): Promise<Firing[]> {
  return (await server.triggers.listFirings({ schedule: name })).firings.reverse();
}

const outcomes = async () => (await firings()).map(({ outcome }) => outcome);
/** Times of firings as minutes from one. */
const minutesFrom = (us: number, all: readonly Firing[]) =>
  all.map(({ scheduledAt }) => (usFromTimestamp(scheduledAt!) - us) / 60_000_000);

const jobsOf = async (filter: object = { schedule: "s" }): Promise<Job[]> =>
  (await server.jobs.listJobs({ filter } as never)).jobs.reverse();

const runAll = () => new LoopRunner(server.transport, { build: () => returned(1) }).drain();

/** The whole minute before now. */
const lastMinute = () => Math.floor(server.wallNowUs() / 60_000_000) * 60_000_000;

async function refusal(call: Promise<unknown>): Promise<SpanloomError> {
  const error = await call.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return fromConnectError(error as Error) as SpanloomError;
}

describe("a schedule", () => {
  it("submits its job at each of its times, which are told from what was submitted by hand", async () => {
    await put();
    await server.jobs.submitJob({ ...job, name: "by hand" });
    const first = lastMinute() + 60_000_000;
    await server.tick(2 * MINUTE);
    await runAll();
    await server.tick(0);
    const [submitted] = await firings();
    expect(submitted).toMatchObject({
      outcome: FiringOutcome.SUBMITTED,
      scheduledAt: at(first),
      requested: false,
      count: 1,
    });
    const [made] = await jobsOf();
    expect(made).toMatchObject({
      id: submitted!.jobId,
      state: JobState.SUCCEEDED,
      trigger: { type: TriggerType.SCHEDULE, schedule: "s", scheduledAt: at(first), backfill: false },
      span: { traceId: submitted!.id.replaceAll("-", "") },
    });
    expect((await jobsOf({ triggerTypes: [TriggerType.MANUAL] })).map(({ name }) => name)).toEqual(["by hand"]);
    expect(await refusal(jobsOf({ triggerTypes: [TriggerType.RETRY] }))).toMatchObject({
      facts: { field: "filter.trigger_types[0]" },
    });
    expect(await jobsOf({ triggerTypes: [TriggerType.SCHEDULE] })).toEqual(await jobsOf());
  });

  it("is put once: the same again changes nothing, another content raises its revision", async () => {
    const made = await put();
    expect(made).toMatchObject({ created: true, changed: true, schedule: { revision: 1n, keepFirings: 100 } });
    expect(await put()).toMatchObject({
      created: false,
      changed: false,
      schedule: { revision: 1n, id: made.schedule!.id },
    });
    const changed = await put({ description: "d" });
    expect(changed).toMatchObject({ created: false, changed: true, schedule: { revision: 2n, id: made.schedule!.id } });
    expect((await server.triggers.getSchedule({ name: "s" })).schedule).toEqual(changed.schedule);
  });

  it("that is put by many at once is one schedule", async () => {
    const put8 = Array.from({ length: 8 }, (_, i) => put({ description: String(i % 4) }));
    const answers = await Promise.all(put8);
    expect(new Set(answers.map(({ schedule }) => schedule!.id)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
  });

  it("tells its next times, and keeps them when only its job changes", async () => {
    const next = lastMinute() + 60_000_000;
    const times = (from: number, step: number) => [0, 1, 2, 3, 4].map((i) => at(from + i * step));
    expect((await put()).schedule!.nextTimes).toEqual(times(next, 60_000_000));
    await server.tick(10_000);
    expect((await put({ description: "d" })).schedule!.nextTimes).toEqual(times(next, 60_000_000));
    const hourly = { times: { case: "interval", value: { every: durationFromMs(3_600_000), anchor: at(next) } } };
    expect((await put({ spec: hourly })).schedule!.nextTimes).toEqual(times(next, 3_600_000_000));
  });

  it("fires no more once it is deleted, and keeps its jobs", async () => {
    await put();
    await server.tick(MINUTE);
    expect(await server.triggers.deleteSchedule({ name: "s" })).toMatchObject({ deleted: true });
    expect(await server.triggers.deleteSchedule({ name: "s" })).toMatchObject({ deleted: false });
    await server.tick(3 * MINUTE);
    expect(await jobsOf()).toHaveLength(1);
    for (const call of [
      server.triggers.getSchedule({ name: "s" }),
      server.triggers.listFirings({ schedule: "s" }),
      server.triggers.fireSchedule({ name: "s" }),
      server.triggers.pauseSchedule({ name: "s" }),
      server.triggers.resumeSchedule({ name: "s" }),
      server.triggers.backfillSchedule({ name: "s", from: at(0), until: at(1) }),
    ])
      expect(await refusal(call)).toMatchObject({ reason: "SCHEDULE_NOT_FOUND" });
  });

  it("of one time fires once and has no more", async () => {
    const once = lastMinute() + 100_000_000;
    await put({ spec: { times: { case: "once", value: at(once) } } });
    await server.tick(5 * MINUTE);
    expect((await firings()).map(({ scheduledAt }) => scheduledAt)).toEqual([at(once)]);
    expect((await server.triggers.getSchedule({ name: "s" })).schedule).toMatchObject({ nextTimes: [] });
    const over = await refusal(put({ spec: { times: { case: "once", value: at(once - 1) } } }));
    expect(over).toMatchObject({ reason: "INVALID_FIELD", facts: { field: "spec" } });
  });

  it("does not fire while it is paused, and goes on with what comes after it is resumed", async () => {
    await put();
    await server.tick(MINUTE);
    const paused = (await server.triggers.pauseSchedule({ name: "s", reason: "why" })).schedule!;
    expect(paused).toMatchObject({ paused: true, pauseReason: "why", nextTimes: [] });
    expect((await server.triggers.pauseSchedule({ name: "s", reason: "why" })).schedule).toEqual(paused);
    expect(await put({ description: "changed" })).toMatchObject({ schedule: { paused: true } });
    await server.tick(10 * MINUTE);
    expect(await firings()).toHaveLength(1);
    const from = lastMinute();
    const resumed = (await server.triggers.resumeSchedule({ name: "s" })).schedule!;
    expect(resumed).toMatchObject({ paused: false, pauseReason: "" });
    expect((await server.triggers.resumeSchedule({ name: "s" })).schedule).toEqual(resumed);
    await server.tick(2 * MINUTE);
    expect(minutesFrom(from, await firings()).slice(1)).toEqual([1, 2]);
  });

  it("that is put paused waits to be resumed", async () => {
    expect(await put({ paused: true })).toMatchObject({ schedule: { paused: true, nextTimes: [] } });
    await server.tick(2 * MINUTE);
    expect(await firings()).toEqual([]);
  });
});

describe("a time whose earlier job has not ended", () => {
  const { SUBMITTED, SKIPPED } = FiringOutcome;

  it("is skipped by default, until that job ends", async () => {
    await put();
    await server.tick(3 * MINUTE);
    expect(await outcomes()).toEqual([SUBMITTED, SKIPPED, SKIPPED]);
    const [running, skipped] = await firings();
    expect([running!.jobState, skipped!.jobState]).toEqual([JobState.QUEUED, JobState.UNSPECIFIED]);
    expect(skipped).toMatchObject({
      jobId: "",
      error: expect.stringMatching(`^job "${running!.jobId}" has not ended`),
    });
    await runAll();
    await server.tick(MINUTE);
    expect(await outcomes()).toEqual([SUBMITTED, SKIPPED, SKIPPED, SUBMITTED]);
    expect((await firings()).map(({ jobState }) => jobState)).toEqual([
      JobState.SUCCEEDED,
      JobState.UNSPECIFIED,
      JobState.UNSPECIFIED,
      JobState.QUEUED,
    ]);
  });

  it("shows how the job of the last one ended, listed or by itself", async () => {
    await put();
    await server.tick(MINUTE);
    const value = { failure: { type: "Error", message: "no luck" } } as never;
    await new LoopRunner(server.transport, { build: () => ({ outcome: { case: "failure", value } }) }).drain();
    await server.tick(0);
    const last = { outcome: SUBMITTED, jobState: JobState.FAILED };
    expect((await server.triggers.getSchedule({ name: "s" })).schedule).toMatchObject({ lastFiring: last });
    expect((await server.triggers.listSchedules({})).schedules).toMatchObject([{ lastFiring: last }]);
  });

  it("waits with QUEUE_ONE, which only one does", async () => {
    await put({ overlap: OverlapPolicy.QUEUE_ONE });
    await server.tick(3 * MINUTE);
    expect(await outcomes()).toEqual([SUBMITTED, SUBMITTED, SKIPPED]);
    // The second has its place when the first has ended.
    await runAll();
    await runAll();
    expect((await jobsOf()).map(({ state }) => state)).toEqual([JobState.SUCCEEDED, JobState.SUCCEEDED]);
  });

  it("runs beside it with ALLOW", async () => {
    await put({ overlap: OverlapPolicy.ALLOW });
    await server.tick(3 * MINUTE);
    expect(await outcomes()).toEqual([SUBMITTED, SUBMITTED, SUBMITTED]);
    const runner = new LoopRunner(server.transport, { build: () => returned(1) });
    expect((await runner.exchange([])).tasks).toHaveLength(3);
  });

  it("has it cancelled with CANCEL_RUNNING", async () => {
    await put({ overlap: OverlapPolicy.CANCEL_RUNNING });
    await server.tick(2 * MINUTE);
    expect(await outcomes()).toEqual([SUBMITTED, SUBMITTED]);
    expect((await jobsOf()).map(({ state }) => state)).toEqual([JobState.CANCELLED, JobState.QUEUED]);
    await runAll();
    expect((await jobsOf())[1]).toMatchObject({ state: JobState.SUCCEEDED });
  });
});

describe("times that came while no server ran", () => {
  async function away(changes: object): Promise<{ from: number; all: Firing[] }> {
    await put({ overlap: OverlapPolicy.ALLOW, ...changes });
    const from = lastMinute();
    await server.stop();
    server.clock.advance(10 * MINUTE);
    await server.start();
    return { from, all: await firings() };
  }

  it("are missed, which is recorded once, but for what was due just now", async () => {
    const { from, all } = await away({});
    expect(all[0]).toMatchObject({ outcome: FiringOutcome.MISSED, count: 9, jobId: "" });
    expect(minutesFrom(from, all)).toEqual([1, 10]);
    await server.tick(MINUTE);
    expect(minutesFrom(from, await firings())).toEqual([1, 10, 11]);
  });

  it("are fired late as far as the catch-up window goes, each once", async () => {
    const { from, all } = await away({ catchUp: durationFromMs(3_600_000) });
    expect(minutesFrom(from, all)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await server.stop();
    await server.start();
    expect(await firings()).toHaveLength(10);
    expect(await jobsOf()).toHaveLength(10);
  });
});

describe("a time of day that is set", () => {
  it("an hour forward makes the times between late, and fires none of them beyond the policy", async () => {
    await put({ overlap: OverlapPolicy.ALLOW });
    await server.tick(MINUTE);
    server.setUs = 3_600_000_000;
    const from = lastMinute();
    await server.tick(MINUTE);
    const all = await firings();
    expect(all.map(({ outcome, count }) => ({ outcome, count }))).toEqual([
      { outcome: FiringOutcome.SUBMITTED, count: 1 },
      { outcome: FiringOutcome.MISSED, count: 59 },
      { outcome: FiringOutcome.SUBMITTED, count: 1 },
      { outcome: FiringOutcome.SUBMITTED, count: 1 },
    ]);
    expect(minutesFrom(from, all.slice(2))).toEqual([0, 1]);
  });

  it("an hour back fires nothing again, and goes on once it has come there", async () => {
    await put({ overlap: OverlapPolicy.ALLOW });
    await server.tick(2 * MINUTE);
    const from = lastMinute();
    server.setUs = -3_600_000_000;
    await server.tick(60 * MINUTE);
    expect(minutesFrom(from, await firings())).toEqual([-1, 0]);
    await server.tick(MINUTE);
    expect(minutesFrom(from, await firings())).toEqual([-1, 0, 1]);
  });
});

describe("a backfill", () => {
  it("fires what was not fired, in order, and the same range again fires nothing", async () => {
    const from = lastMinute();
    await put();
    await server.tick(2 * MINUTE);
    const range = { name: "s", from: at(from - 300_000_000), until: at(from + 120_000_000) };
    const filled = await server.triggers.backfillSchedule(range);
    expect(filled.fired).toBe(6);
    expect(minutesFrom(from, filled.firings)).toEqual([-5, -4, -3, -2, -1, 0, 1]);
    expect(filled.firings.map(({ requested }) => requested)).toEqual([true, true, true, true, true, true, false]);
    const again = await server.triggers.backfillSchedule(range);
    expect(again).toEqual({ ...filled, fired: 0 });
    const jobs = await jobsOf();
    expect(jobs).toHaveLength(7);
    expect(jobs.filter(({ trigger }) => trigger!.backfill)).toHaveLength(6);
    // One after the other: but for the schedule's own none has a place yet.
    const runner = new LoopRunner(server.transport, { build: () => returned(1) });
    expect((await runner.exchange([])).tasks).toHaveLength(1);
  });

  it("fires times that were missed", async () => {
    const from = lastMinute();
    await put();
    await server.stop();
    server.clock.advance(5 * MINUTE);
    await server.start();
    const range = { name: "s", from: at(from), until: at(from + 240_000_000) };
    expect(await server.triggers.backfillSchedule(range)).toMatchObject({ fired: 4 });
  });

  it("is of at most so many times, which have been, of a range that is one", async () => {
    await put();
    const now = server.wallNowUs();
    const refused = (range: object) => refusal(server.triggers.backfillSchedule({ name: "s", ...range } as never));
    expect(await refused({ from: at(now - 600_000_000), until: at(now), maxFirings: 9 })).toMatchObject({
      reason: "LIMIT_EXCEEDED",
      facts: { field: "max_firings", limit: 9, actual: 10 },
    });
    expect(await refused({ from: at(now), until: at(now + 1) })).toMatchObject({ facts: { field: "until" } });
    expect(await refused({ from: at(now), until: at(now) })).toMatchObject({ facts: { field: "until" } });
    expect(await refused({ until: at(now) })).toMatchObject({ facts: { field: "from" } });
    expect(await refused({ from: at(0), until: at(now), maxFirings: 10_001 })).toMatchObject({
      facts: { field: "max_firings", limit: 10_000 },
    });
    expect(await firings()).toEqual([]);
  });
});

describe("a firing by hand", () => {
  it("submits the job now, once for each key, also of a schedule that is paused", async () => {
    await put({ paused: true, overlap: OverlapPolicy.ALLOW });
    const trace = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };
    const fired = await server.triggers.fireSchedule({ name: "s", idempotencyKey: "k", trace });
    await server.tick(1_000);
    expect(await server.triggers.fireSchedule({ name: "s", idempotencyKey: "k" })).toEqual(fired);
    const others = [
      await server.triggers.fireSchedule({ name: "s" }),
      await server.triggers.fireSchedule({ name: "s" }),
    ];
    expect(new Set([fired, ...others].map(({ firing }) => firing!.id)).size).toBe(3);
    expect(fired.firing).toMatchObject({ outcome: FiringOutcome.SUBMITTED, requested: true });
    const jobs = await jobsOf();
    expect(jobs).toHaveLength(3);
    expect(jobs[0]!.trigger).toMatchObject({ type: TriggerType.MANUAL, schedule: "s" });
  });
});

describe("lists", () => {
  it("page through schedules by name, by prefix and by whether they are paused", async () => {
    for (const name of ["b:2", "a\n1", "b:1", "c"]) await put({ name, paused: name === "c" });
    const names: string[] = [];
    let pageToken = "";
    do {
      const page = await server.triggers.listSchedules({ pageSize: 1, pageToken });
      names.push(...page.schedules.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(names).toEqual(["a\n1", "b:1", "b:2", "c"]);
    const of = async (query: object) =>
      (await server.triggers.listSchedules(query as never)).schedules.map(({ name }) => name);
    expect(await of({ namePrefix: "b:" })).toEqual(["b:1", "b:2"]);
    expect(await of({ paused: true })).toEqual(["c"]);
    const first = await server.triggers.listSchedules({ pageSize: 1 });
    const other = server.triggers.listSchedules({ pageSize: 1, namePrefix: "b", pageToken: first.nextPageToken });
    expect(await refusal(other)).toMatchObject({ reason: "INVALID_PAGE_TOKEN" });
  });

  it("page through firings, newest first, by outcome", async () => {
    await put();
    await server.tick(3 * MINUTE);
    const all = (await server.triggers.listFirings({ schedule: "s" })).firings;
    const first = await server.triggers.listFirings({ schedule: "s", pageSize: 2 });
    const rest = await server.triggers.listFirings({ schedule: "s", pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.firings, ...rest.firings]).toEqual(all);
    expect(rest.nextPageToken).toBe("");
    const skipped = await server.triggers.listFirings({ outcomes: [FiringOutcome.SKIPPED] });
    expect(skipped.firings).toEqual(all.slice(0, 2));
    const schedule = (await server.triggers.getSchedule({ name: "s" })).schedule!;
    expect(schedule.lastFiring).toEqual(all[0]);
  });
});

it("times are told of a spec without a schedule", async () => {
  const berlin = { times: { case: "cron", value: { expression: "30 2 * * *", timeZone: "Europe/Berlin" } } } as const;
  const after = at(Date.UTC(2027, 2, 26) * 1000);
  const { times } = await server.triggers.previewSchedule({ spec: berlin, after, count: 4 });
  expect(times.map((time) => new Date(usFromTimestamp(time) / 1000).toISOString())).toEqual([
    "2027-03-26T01:30:00.000Z",
    "2027-03-27T01:30:00.000Z",
    "2027-03-28T01:00:00.000Z",
    "2027-03-29T00:30:00.000Z",
  ]);
  const many = await server.triggers.previewSchedule({ spec: everyMinute, count: 1_000 });
  expect(many.times).toHaveLength(1_000);
  expect(await refusal(server.triggers.previewSchedule({ spec: everyMinute, count: 1_001 }))).toMatchObject({
    facts: { field: "count" },
  });
  const last = { times: { case: "once", value: at(5) } } as const;
  expect((await server.triggers.previewSchedule({ spec: last })).times).toEqual([]);
});
