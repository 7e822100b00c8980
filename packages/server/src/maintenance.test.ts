import { beforeEach, describe, expect, it } from "vitest";
import { Maintenance } from "./maintenance.ts";
import { ManualClock } from "./rpc/testing/manual-clock.ts";
import { type StoreStub, storeStub } from "./rpc/testing/stubs.ts";
import type { MaintenanceOutcome } from "./store/store.ts";

const idle: MaintenanceOutcome = { lost: 0, woken: 0, fenced: 0, nextDueUs: undefined };

let clock: ManualClock;
let store: StoreStub;
let outcomes: (MaintenanceOutcome | Error)[];
let passes: number;
let log: string[];
let maintenance: Maintenance;

beforeEach(async () => {
  clock = new ManualClock();
  outcomes = [];
  passes = 0;
  log = [];
  store = storeStub({
    async maintain() {
      passes++;
      const outcome = outcomes.shift() ?? idle;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  });
  maintenance = new Maintenance(store, clock, (line) => log.push(line));
  maintenance.start();
  await tick(0);
  passes = 0;
});

/** Moves the clock and lets what it started finish. */
async function tick(ms: number): Promise<void> {
  clock.advance(ms);
  await new Promise((resolve) => setImmediate(resolve));
}

const inMs = (ms: number): number => clock.nowUs() + ms * 1000;

describe("maintenance", () => {
  it("does nothing while nothing is due, not even wait", async () => {
    expect(clock.pending).toBe(0);
    await tick(3_600_000);
    expect(passes).toBe(0);
  });

  it("runs when what was announced is due, not before (I2)", async () => {
    store.emit("due", inMs(500));
    await tick(499);
    expect(passes).toBe(0);
    await tick(1);
    expect(passes).toBe(1);
  });

  it("runs earlier when something earlier is announced (I2)", async () => {
    store.emit("due", inMs(500));
    store.emit("due", inMs(100));
    store.emit("due", inMs(900));
    await tick(100);
    expect(passes).toBe(1);
  });

  it("sleeps until what the pass before found due next", async () => {
    outcomes = [{ ...idle, nextDueUs: inMs(1_000) }];
    store.emit("due", inMs(0));
    await tick(0);
    await tick(998);
    expect(passes).toBe(1);
    await tick(2);
    expect(passes).toBe(2);
  });

  it("goes on at once while passes are full", async () => {
    outcomes = [
      { ...idle, lost: 1_000 },
      { ...idle, woken: 1_000 },
    ];
    store.emit("due", inMs(0));
    await tick(0);
    expect(passes).toBe(3);
  });

  it("runs at once when signals of other servers may have been missed", async () => {
    store.emit("due", inMs(500));
    store.emit("missed");
    await tick(0);
    expect(passes).toBe(1);
  });

  it("logs a failed pass and tries again (I3)", async () => {
    outcomes = [new Error("disk full")];
    store.emit("due", inMs(0));
    await tick(0);
    expect(log).toEqual([expect.stringContaining("disk full")]);
    await tick(1_000);
    expect(passes).toBe(2);
  });

  it("leaves no timer behind when it stops", async () => {
    store.emit("due", inMs(500));
    await maintenance.stop();
    await maintenance.stop();
    expect(clock.pending).toBe(0);
    store.emit("due", inMs(1));
    await tick(1_000);
    expect(passes).toBe(0);
  });
});
