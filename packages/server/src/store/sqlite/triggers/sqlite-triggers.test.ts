import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { FakeClock, StoreDriver, taskSet, tempDir } from "@spanloom/testing";
import { describe, expect, test } from "vitest";
import { SqliteStore } from "../index.ts";

const STEP_US = 60_000_000;

/** A server that publishes, matches and fires, and acknowledges each on a line of its own, until it is killed. */
const CHILD = `
import { StoreDriver, taskSet } from "@spanloom/testing";
import { SqliteStore } from ${JSON.stringify(join(import.meta.dirname, "..", "index.ts"))};
const [dataDir] = process.argv.slice(1);
const driver = await StoreDriver.open(() => new SqliteStore({ dataDir }));
const { triggers } = driver.store;
const plain = { body: Buffer.from("x"), paused: false, pauseReason: "", keepFirings: 1_000_000 };
const trace = { traceparent: "", tracestate: "", baggage: "" };
const firing = (source, more) => {
  const id = driver.newId();
  const trigger = { type: "event", source: { kind: source.kind, id: source.id, name: source.name }, depth: 0 };
  const job = driver.newJob(taskSet({ name: "fired" }), { id, trigger });
  return { id, scheduledAtUs: 0, requested: false, ...more, what: { job } };
};
const put = async (kind, name, more) =>
  (await triggers.get(kind, name)) ?? (await triggers.put({ ...plain, kind, name, id: driver.newId(), ...more }, 0));
const trigger = await put("trigger", "orders", {});
for (let i = 0; i < 3; i++) await put("schedule", "s" + i, { nextAtUs: ${STEP_US} });
for (;;) {
  const events = Array.from({ length: 4 }, () => ({
    id: driver.newId(), key: "k", payload: Buffer.from("1"), metadata: {}, trace, source: "published",
    webhook: "", replayOf: "", onlyTrigger: "", depth: 0,
  }));
  await triggers.publish(events);
  console.log(JSON.stringify({ events: events.map(({ id }) => id) }));
  const { fromSeq, events: waiting } = await triggers.unmatched(3, 1_000_000);
  const schedules = await triggers.dueSchedules(Number.MAX_SAFE_INTEGER, 10);
  const [settled, fired] = await Promise.all([
    triggers.settle({ fromSeq, toSeq: waiting.at(-1).seq,
      firings: waiting.map(({ id: eventId }) => ({ triggerId: trigger.id, firing: firing(trigger, { eventId }) })) }),
    triggers.fire(schedules.map((schedule) => ({ scheduleId: schedule.id, firings: [firing(schedule, {})], advance: {
      revision: 1, fromUs: schedule.nextAtUs, nextAtUs: schedule.nextAtUs + ${STEP_US}, lastAtUs: schedule.nextAtUs } }))),
  ]);
  console.log(JSON.stringify({ jobs: [...settled, ...fired.flat()].map(({ jobId }) => jobId) }));
}`;

/** Runs the child until it has acknowledged enough, then kills it as a power cut would. */
async function killAfter(dataDir: string, lines: number): Promise<{ events: string[]; jobs: string[] }> {
  const args = ["--input-type=module", "-e", CHILD, dataDir];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], cwd: import.meta.dirname });
  const acknowledged = { events: [] as string[], jobs: [] as string[] };
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { events = [], jobs = [] } = JSON.parse(line) as Partial<typeof acknowledged>;
    acknowledged.events.push(...events);
    acknowledged.jobs.push(...jobs);
    if (++seen === lines) child.kill("SIGKILL");
  }
  return acknowledged;
}

describe("SIGKILL", () => {
  test("what was fired has its job, what was matched its firing, and nothing acknowledged is lost", async () => {
    using dir = tempDir();
    for (const lines of [15, 41, 80]) {
      const { events, jobs } = await killAfter(dir.path, lines);
      await using store = new SqliteStore({ dataDir: dir.path });
      await store.start();
      const { triggers } = store;
      expect(await triggers.getEvents(events)).toHaveLength(events.length);
      expect(await store.jobStates(jobs)).toHaveLength(jobs.length);
      expect(jobs.length).toBeGreaterThan(10);
      const firings = await triggers.listFirings({}, { limit: 1_000_000 });
      const stored = await store.listJobs({}, { limit: 1_000_000 });
      expect(firings.map(({ jobId }) => jobId).sort()).toEqual(stored.map(({ id }) => id).sort());
      const matched = (await triggers.listEvents({}, { limit: 1_000_000 })).slice(
        (await triggers.eventBacklog()).count,
      );
      expect(firings.map(({ eventId }) => eventId).filter((id) => id !== "")).toEqual(matched.map(({ id }) => id));
      for (const { id, lastAtUs = 0 } of await triggers.list({ kind: "schedule" }, { limit: 10 })) {
        expect(firings.filter(({ sourceId }) => sourceId === id)).toHaveLength(lastAtUs / STEP_US);
      }
    }
  });
});

test("firings of definitions that are gone, and those beyond what is kept, are forgotten after a restart", async () => {
  using dir = tempDir();
  await using driver = await StoreDriver.open(() => new SqliteStore({ dataDir: dir.path }));
  const plain = { kind: "schedule", body: Buffer.from("x"), paused: false, pauseReason: "", keepFirings: 1 } as const;
  for (const name of ["gone", "kept", "also gone"]) {
    const schedule = await driver.store.triggers!.put({ ...plain, name, id: driver.newId() }, 0);
    const missed = Array.from({ length: 3 }, () => {
      return { id: driver.newId(), scheduledAtUs: 0, requested: false, what: { missed: 1 } };
    });
    await driver.store.triggers!.fire([{ scheduleId: schedule!.id, firings: missed }]);
  }
  await driver.store.triggers!.delete("schedule", "gone");
  await driver.store.triggers!.delete("schedule", "also gone");
  await driver.reopen();
  const another = await driver.store.triggers!.put({ ...plain, name: "another", id: driver.newId() }, 0);
  expect(another!.lastFiring).toBeUndefined();
  expect(await driver.store.triggers!.tidy(0, 100)).toBe(3 + 2 + 3);
  expect(await driver.store.triggers!.tidy(0, 100)).toBe(0);
  expect(await driver.store.triggers!.listFirings({}, { limit: 10 })).toHaveLength(1);
});

test("a full disk refuses events whole, and the next ones are matched in order", async () => {
  using dir = tempDir();
  const clock = new FakeClock();
  const full = () => new SqliteStore({ dataDir: dir.path, nowUs: clock.nowUs, maxBytes: 600_000 });
  await using driver = await StoreDriver.open(full);
  const triggers = driver.store.triggers!;
  const event = (bytes: number) => ({
    ...{ id: driver.newId(), key: "k", payload: Buffer.alloc(bytes), metadata: {}, source: "published" as const },
    ...{
      trace: { traceparent: "", tracestate: "", baggage: "" },
      webhook: "",
      replayOf: "",
      onlyTrigger: "",
      depth: 0,
    },
  });
  const small = event(10);
  await triggers.publish([small]);
  await expect(triggers.publish([event(10), event(1_000_000)])).rejects.toMatchObject({ reason: "OVERLOADED" });
  const next = event(20);
  expect(await triggers.publish([next])).toEqual([false]);
  const { events } = await triggers.unmatched(10, 1_000_000);
  expect(events.map(({ id, seq }) => [id, seq])).toEqual([
    [small.id, 1],
    [next.id, 2],
  ]);
  expect(await triggers.eventBacklog()).toMatchObject({ count: 2 });
  await driver.submitJob(driver.newJob(taskSet({ name: "after" })));
});
