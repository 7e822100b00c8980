import { defaultLimits } from "@spanloom/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../rpc/testing/manual-clock.ts";
import { type StoreStub, storeStub } from "../rpc/testing/stubs.ts";
import type { DefinitionRecord, ScheduleFirings, TriggerNews, TriggerStore } from "../store/trigger-store.ts";
import { ScheduleLoop } from "./schedule-loop.ts";
import { scheduleRecord } from "./testing/schedule-record.ts";
import { TriggerStats } from "./trigger-stats.ts";

const MINUTE = 60_000_000;

/** What a loop sees of a store: schedules by id, moved on as they are fired. */
class Schedules {
  readonly records = new Map<string, DefinitionRecord>();
  readonly fired: { id: string; times: number[] }[] = [];
  /** What the store is asked to do, in order. */
  readonly asked: string[] = [];
  /** Fails the next calls. */
  failure: Error | undefined;
  /** How long a transaction takes. */
  tookMs = 0;
  /** Another server is first. */
  lost = false;
  tell: (news: TriggerNews) => void = () => {};

  add(record: DefinitionRecord): void {
    this.records.set(record.id, record);
  }

  get store(): TriggerStore {
    const store: Pick<TriggerStore, "onNews" | "dueSchedules" | "nextScheduleUs" | "fire"> = {
      onNews: (listener) => {
        this.tell = listener;
        return () => {
          this.tell = () => {};
        };
      },
      dueSchedules: async (atUs, limit) => {
        this.asked.push("due");
        if (this.failure) throw this.failure;
        return this.#inOrder()
          .filter(({ nextAtUs }) => nextAtUs! <= atUs)
          .slice(0, limit);
      },
      nextScheduleUs: async () => this.#inOrder()[0]?.nextAtUs,
      fire: async (schedules) => {
        this.asked.push(`fire ${schedules.length}`);
        clock.advance(this.tookMs);
        return schedules.map((each) => this.#fire(each));
      },
    };
    return store as TriggerStore;
  }

  #inOrder(): DefinitionRecord[] {
    return [...this.records.values()]
      .filter(({ nextAtUs }) => nextAtUs !== undefined)
      .sort((a, b) => a.nextAtUs! - b.nextAtUs!);
  }

  #fire({ scheduleId, advance, firings }: ScheduleFirings) {
    const record = this.records.get(scheduleId);
    if (!record || !advance) return undefined;
    const isWhere = record.revision === advance.revision && record.nextAtUs === advance.fromUs;
    if (!isWhere) return undefined;
    this.add({ ...record, nextAtUs: advance.nextAtUs, lastAtUs: advance.lastAtUs });
    if (this.lost) return undefined;
    this.fired.push({ id: scheduleId, times: firings.map(({ scheduledAtUs }) => scheduledAtUs) });
    return firings.map(({ id, scheduledAtUs, requested, what }, seq) => ({
      ...{ seq, id, scheduledAtUs, requested, sourceId: scheduleId, firedAtUs: 0, jobId: "", eventId: "", error: "" },
      outcome: "missed" in what ? ("missed" as const) : ("submitted" as const),
      count: "missed" in what ? what.missed : 1,
    }));
  }
}

let clock: ManualClock;
/** How far the time of day is from the clock's. */
let setUs: number;
let schedules: Schedules;
let store: StoreStub;
let stats: TriggerStats;
let log: string[];
let loop: ScheduleLoop;

const wallNowUs = (): number => clock.nowUs() + setUs;

beforeEach(() => {
  clock = new ManualClock();
  setUs = 0;
  // To a whole minute.
  clock.advance((MINUTE - (clock.nowUs() % MINUTE)) / 1000);
  schedules = new Schedules();
  store = storeStub();
  stats = new TriggerStats();
  log = [];
  loop = new ScheduleLoop({
    ...{ triggers: schedules.store, store, clock, wallNowUs, stats, busyUs: () => clock.nowUs() },
    limits: defaultLimits,
    random: () => 0.5,
    log: (line) => log.push(line),
  });
});

/** Lets what goes on finish, as far as it waits for no timer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves the clock on, in steps, between which what began goes on. */
async function tick(ms: number): Promise<void> {
  for (let leftMs = ms; ; leftMs -= STEP_MS) {
    clock.advance(Math.min(leftMs, STEP_MS));
    await settle();
    if (leftMs <= STEP_MS) return;
  }
}

const STEP_MS = 20_000;

/** Starts the loop, and lets its first pass end. */
async function start(): Promise<void> {
  loop.start();
  await tick(0);
}

/** A schedule of every minute, due in a minute. */
function everyMinute(id = "01890000-0000-7000-8000-000000000001"): DefinitionRecord {
  const nowUs = wallNowUs();
  return scheduleRecord({ id, nextAtUs: nowUs + MINUTE, lastAtUs: nowUs });
}

const firedTimes = () => schedules.fired.flatMap(({ times }) => times);

describe("the loop of schedules", () => {
  it("has no timer while there is no schedule, and none after it stopped", async () => {
    await start();
    expect(clock.pending).toBe(0);
    schedules.add(everyMinute());
    schedules.tell({ scheduleDueUs: wallNowUs() + MINUTE });
    expect(clock.pending).toBe(1);
    await loop.stop();
    await loop.stop();
    expect(clock.pending).toBe(0);
  });

  it("fires each time when it has come, not before (I2)", async () => {
    schedules.add(everyMinute());
    await start();
    const first = wallNowUs() + MINUTE;
    await tick(59_999);
    expect(firedTimes()).toEqual([]);
    await tick(1);
    expect(firedTimes()).toEqual([first]);
    await tick(60_000);
    expect(firedTimes()).toEqual([first, first + MINUTE]);
    expect(stats.scheduleFirings.submitted).toBe(2);
    expect(stats.scheduleDelay).toMatchObject({ count: 2, sum: 0 });
  });

  it("fires at its start what became due before it, and counts how late that was and what was missed", async () => {
    const nowUs = wallNowUs();
    schedules.add(scheduleRecord({ nextAtUs: nowUs - 4 * MINUTE, lastAtUs: nowUs - 5 * MINUTE }));
    await start();
    expect(firedTimes()).toEqual([nowUs - 4 * MINUTE, nowUs - MINUTE, nowUs]);
    expect(stats.scheduleFirings).toEqual({ submitted: 2, missed: 3, skipped: 0, failed: 0 });
    expect(stats.scheduleDelay).toMatchObject({ count: 2, sum: 60 });
  });

  it("wakes for a schedule that is told to be due earlier", async () => {
    schedules.add(everyMinute());
    await start();
    const soon = scheduleRecord(
      { id: "01890000-0000-7000-8000-000000000002", nextAtUs: wallNowUs() + 1_000_000, lastAtUs: wallNowUs() },
      { spec: { times: { case: "interval", value: { every: { seconds: 1n } } } } as never },
    );
    schedules.add(soon);
    schedules.tell({ scheduleDueUs: soon.nextAtUs! });
    await tick(1_000);
    expect(schedules.fired).toEqual([{ id: soon.id, times: [soon.nextAtUs] }]);
  });

  it("looks anew when news of other servers may have been missed", async () => {
    await start();
    schedules.add(scheduleRecord({ nextAtUs: wallNowUs(), lastAtUs: wallNowUs() - MINUTE }));
    store.emit("missed");
    await tick(0);
    expect(firedTimes()).toEqual([wallNowUs()]);
  });

  it("finds within half a minute that the time of day was set forward (I2)", async () => {
    const record = everyMinute();
    schedules.add(record);
    schedules.add(scheduleRecord({ ...record, id: record.id.replace(/1$/, "2"), nextAtUs: wallNowUs() + 90 * MINUTE }));
    await start();
    setUs = 30_000_000;
    await tick(30_000);
    expect(firedTimes()).toEqual([record.nextAtUs]);
  });

  it("fires nothing again when the time of day was set back, until it has come there again (I3)", async () => {
    schedules.add(everyMinute());
    await start();
    await tick(60_000);
    await tick(60_000);
    const before = firedTimes();
    expect(before).toHaveLength(2);
    setUs = -60 * MINUTE;
    await tick(60 * 60_000 - 1);
    expect(firedTimes()).toEqual(before);
    await tick(60_001);
    expect(firedTimes()).toEqual([...before, before[1]! + MINUTE]);
  });

  it("fires many in batches, until none is due (I1)", async () => {
    const nowUs = wallNowUs();
    for (let i = 0; i < 1_150; i++) {
      const id = `01890000-0000-7000-8000-${String(i).padStart(12, "0")}`;
      schedules.add(scheduleRecord({ id, nextAtUs: nowUs, lastAtUs: nowUs - MINUTE }));
    }
    await start();
    expect(schedules.fired).toHaveLength(1_150);
    expect(schedules.asked.filter((each) => each.startsWith("fire"))).toEqual(new Array(46).fill("fire 25"));
  });

  it.each([
    { lateMs: 0, restMs: 14 },
    { lateMs: 4_000, restMs: 7 },
  ])("of what is $lateMs ms late rests $restMs ms after a transaction of 7 (I4)", async ({ lateMs, restMs }) => {
    const nowUs = wallNowUs();
    for (let i = 0; i < 50; i++) {
      const id = `01890000-0000-7000-8000-${String(i).padStart(12, "0")}`;
      schedules.add(scheduleRecord({ id, nextAtUs: nowUs, lastAtUs: nowUs - MINUTE }));
    }
    setUs = lateMs * 1000;
    schedules.tookMs = 7;
    await start();
    expect(schedules.fired).toHaveLength(25);
    await tick(restMs - 1);
    expect(schedules.fired).toHaveLength(25);
    await tick(1);
    expect(schedules.fired).toHaveLength(50);
  });

  it("leaves what another server was first to fire, and waits a little before it looks again (I3)", async () => {
    schedules.add(scheduleRecord({ nextAtUs: wallNowUs(), lastAtUs: wallNowUs() - MINUTE }));
    schedules.lost = true;
    await start();
    expect(schedules.asked).toEqual(["due", "fire 1"]);
    expect(stats.scheduleFirings.submitted).toBe(0);
    schedules.lost = false;
    await tick(50);
    expect(schedules.asked).toEqual(["due", "fire 1", "due"]);
    await tick(60_000);
    expect(schedules.fired).toHaveLength(1);
  });

  it("logs a failed pass and tries again (I5)", async () => {
    schedules.add(everyMinute());
    schedules.failure = new Error("disk full");
    await start();
    expect(log).toEqual([expect.stringContaining("disk full")]);
    expect(stats.failures).toBe(1);
    schedules.failure = undefined;
    await tick(60_000);
    expect(schedules.fired).toHaveLength(1);
  });
});
