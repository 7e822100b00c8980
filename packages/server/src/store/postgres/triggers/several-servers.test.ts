import { IdGenerator } from "@spanloom/protocol";
import { FakeClock, newSignal, StoreDriver, TestPostgres, taskSet, waitFor } from "@spanloom/testing";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DefinitionRecord, NewFiring, ScheduleFirings, TriggerNews } from "../../store.ts";
import { PostgresStore } from "../postgres-store.ts";
import { TAKE_STORE_LOCK } from "../store-lock.ts";

let postgres: TestPostgres;
let url: string;
let databases = 0;
beforeAll(async () => {
  postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  url = await postgres.createDatabase(`several_${process.pid}_${databases++}`);
});

const stores: PostgresStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.stop();
  await postgres.dropDatabases();
});

async function start(times = {}): Promise<PostgresStore> {
  const store = new PostgresStore({ url, nowUs: clock.nowUs, times });
  await store.start();
  stores.push(store);
  return store;
}

const clock = new FakeClock();
const ids = new IdGenerator();
const NEXT_US = 60_000_000;

async function putSchedules({ triggers }: PostgresStore, count: number): Promise<DefinitionRecord[]> {
  const nextAtUs = clock.nowUs();
  const common = {
    kind: "schedule",
    body: Buffer.from("body"),
    paused: false,
    pauseReason: "",
    keepFirings: 10,
  } as const;
  const made = Array.from({ length: count }, (_, i) =>
    triggers.put({ ...common, id: ids.next(), name: `schedule ${i}`, nextAtUs }, 0),
  );
  return (await Promise.all(made)).map((record) => record!);
}

function putTrigger({ triggers }: PostgresStore, wantsJobEvents: boolean): Promise<DefinitionRecord | undefined> {
  const common = { body: Buffer.from("body"), paused: false, pauseReason: "", keepFirings: 10 } as const;
  return triggers.put({ ...common, kind: "trigger", id: ids.next(), name: "orders", wantsJobEvents }, 0);
}

/** The firing of a time as any server would make it: its id follows from the schedule. */
function firingOf(driver: StoreDriver, schedule: DefinitionRecord): NewFiring {
  const { id } = schedule;
  const job = driver.newJob(taskSet({ name: "fired" }), { id, idempotencyKey: `schedule/${id}`, requestHash: "same" });
  return { id, scheduledAtUs: schedule.nextAtUs!, requested: false, what: { job } };
}

function firingsOf(driver: StoreDriver, schedules: readonly DefinitionRecord[]): ScheduleFirings[] {
  return schedules.map((schedule) => {
    const fromUs = schedule.nextAtUs!;
    const advance = { revision: schedule.revision, fromUs, nextAtUs: fromUs + NEXT_US, lastAtUs: fromUs };
    return { scheduleId: schedule.id, advance, firings: [firingOf(driver, schedule)] };
  });
}

/** A driver that only makes jobs. */
async function maker(): Promise<StoreDriver> {
  const driver = await StoreDriver.open(() => new PostgresStore({ url, nowUs: clock.nowUs }));
  stores.push(driver.store as PostgresStore);
  return driver;
}

/** Holds the store's lock, so that whoever writes waits, until it is told to let go. */
async function holdLock(): Promise<{ letGo(): Promise<void>; waiting(): Promise<number>; kill(): Promise<void> }> {
  const client = new Client({ connectionString: url, options: "-c search_path=spanloom" });
  await client.connect();
  await client.query("BEGIN");
  await client.query(TAKE_STORE_LOCK);
  const waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
  return {
    letGo: () => client.end(),
    waiting: async () => Number((await client.query(`SELECT count(*) AS n ${waiting}`)).rows[0].n),
    kill: async () => void (await client.query(`SELECT pg_terminate_backend(pid) ${waiting}`)),
  };
}

describe("servers on one schema", () => {
  it("fire a schedule that is due once, whoever reads it and however often", async () => {
    const driver = await maker();
    const servers = [await start(), await start(), await start()];
    const schedules = await putSchedules(servers[0]!, 50);
    const due = await Promise.all(servers.map(({ triggers }) => triggers.dueSchedules(clock.nowUs(), 100)));
    expect(due.map((each) => each.length)).toEqual([50, 50, 50]);
    const fired = await Promise.all(servers.map(({ triggers }, i) => triggers.fire(firingsOf(driver, due[i]!))));
    for (const schedule of schedules) {
      const winners = fired.filter((answers, i) => answers[due[i]!.findIndex(({ id }) => id === schedule.id)]);
      expect(winners).toHaveLength(1);
    }
    expect(await driver.store.listJobs({}, { limit: 1_000 })).toHaveLength(50);
    expect(await driver.store.triggers.listFirings({}, { limit: 1_000 })).toHaveLength(50);
    expect(await driver.store.triggers.dueSchedules(clock.nowUs(), 100)).toEqual([]);
  });

  it("fire what a server read that was killed before it could commit", async () => {
    const driver = await maker();
    // It would connect anew, and wait for the lock.
    const [killed, heir] = [await start({ lockMs: 200 }), await start()];
    const [schedule] = await putSchedules(killed, 1);
    const lock = await holdLock();
    const refused = killed.triggers.fire(firingsOf(driver, [schedule!])).catch((error: unknown) => error);
    await waitFor(async () => (await lock.waiting()) === 1);
    await lock.kill();
    expect(await refused).toMatchObject({ reason: "STORE_UNAVAILABLE" });
    await lock.letGo();
    await killed.stop();
    const due = await heir.triggers.dueSchedules(clock.nowUs(), 10);
    const [[firing] = []] = await heir.triggers.fire(firingsOf(driver, due));
    expect(firing).toMatchObject({ outcome: "submitted", jobId: schedule!.id });
    expect(await heir.listJobs({}, { limit: 10 })).toHaveLength(1);
  });

  it("settle events once, and go on from where the other one left off", async () => {
    const [one, other] = [await start(), await start()];
    const event = (id: string) => ({
      ...({
        id,
        key: "order.paid",
        payload: Buffer.from("1"),
        metadata: {},
        source: "published",
        webhook: "",
      } as const),
      ...{ replayOf: "", onlyTrigger: "", depth: 0, trace: { traceparent: "", tracestate: "", baggage: "" } },
    });
    for (const [i, { triggers }] of [one, other, one, other].entries()) await triggers.publish([event(`event ${i}`)]);
    const read = await one.triggers.unmatched(10, 1_000);
    expect(read.events.map(({ id }) => id)).toEqual(["event 0", "event 1", "event 2", "event 3"]);
    const settlement = { fromSeq: read.fromSeq, toSeq: read.events[1]!.seq, firings: [] };
    const settled = await Promise.all([one, other].map(({ triggers }) => triggers.settle(settlement)));
    expect(settled.filter((answer) => answer !== undefined)).toEqual([[]]);
    for (const { triggers } of [one, other]) {
      const left = await triggers.unmatched(10, 1_000);
      expect(left).toMatchObject({ fromSeq: settlement.toSeq, events: [{ id: "event 2" }, { id: "event 3" }] });
    }
  });

  it("give events of jobs from the very commit that makes a trigger on another one, and no longer than it is there", async () => {
    const driver = await maker();
    const other = await start();
    const run = async () => {
      await driver.submit({ name: "task" });
      await driver.succeed(await driver.claimOne());
      return (await other.triggers.eventBacklog()).count;
    };
    expect(await run()).toBe(0);
    // What it says of it is not even heard: the driver's server learns it under the lock.
    await putTrigger(other, true);
    expect(await run()).toBe(2);
    expect(await run()).toBe(4);
    await other.triggers.delete("trigger", "orders");
    expect(await run()).toBe(4);
  });

  it("hear of definitions, of what is due and of events, in one message a batch", async () => {
    const [here, there] = [await start(), await start()];
    const told: TriggerNews[] = [];
    const heard = newSignal<void>();
    there.triggers.onNews((news) => {
      told.push(news);
      if (news.events) heard.resolve();
    });
    const messages: string[] = [];
    const client = new Client({ connectionString: url });
    await client.connect();
    client.on("notification", ({ payload = "" }) => messages.push(payload.replace(/^\S+ /, "")));
    await client.query('LISTEN "spanloom:spanloom"');
    await putSchedules(here, 20);
    await putTrigger(here, false);
    const events = Array.from({ length: 2_000 }, () => ({
      ...({ id: ids.next(), key: "key", payload: Buffer.alloc(100, "1"), metadata: {}, source: "published" } as const),
      ...{
        webhook: "",
        replayOf: "",
        onlyTrigger: "",
        depth: 0,
        trace: { traceparent: "", tracestate: "", baggage: "" },
      },
    }));
    await here.triggers.publish(events);
    await heard.promise;
    await waitFor(async () => messages.includes("news v"));
    await client.end();
    const dueUs = clock.nowUs();
    expect(messages).toEqual([`news kschedule,s${dueUs}`, "news ktrigger", "news v"]);
    expect(told).toEqual([
      { definitions: ["schedule"], scheduleDueUs: dueUs },
      { definitions: ["trigger"] },
      { events: true },
    ]);
  });

  it("of the version before go on, their jobs being nobody's but their submitter's", async () => {
    const driver = await maker();
    const client = new Client({ connectionString: url, options: "-c search_path=spanloom" });
    await client.connect();
    const columns = "seq, id, name, state, queue, priority, created_at, trace";
    await client.query(`INSERT INTO job (${columns}) VALUES (999, gen_random_uuid(), 'old', 4, 'default', 0, 1, '{}')`);
    await client.end();
    const [job] = await driver.store.listJobs({ triggerTypes: ["manual"] }, { limit: 1 });
    expect(job).toMatchObject({ name: "old" });
    expect([job!.trigger, job!.retriedAtUs]).toEqual([undefined, undefined]);
  });
});
