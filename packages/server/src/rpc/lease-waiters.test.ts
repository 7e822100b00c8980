import { CancellationReason } from "@spanloom/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClaimRequest, Exchange, ExchangeOutcome, Lease } from "../store/store.ts";
import { LeaseWaiters, type WaitOptions } from "./lease-waiters.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { emptyExchange, type StoreStub, storeStub } from "./testing/stubs.ts";

/** Queued tasks of the fake store, and what it was asked. */
let ready: number;
let exchanges: Exchange[];
let store: StoreStub;
let clock: ManualClock;
let waiters: LeaseWaiters;
let failNext: Error | undefined;

const lease = (n: number): Lease => ({ taskId: `task-${n}`, attempt: 1, token: new Uint8Array(16) }) as Lease;

beforeEach(() => {
  ready = 0;
  exchanges = [];
  failNext = undefined;
  clock = new ManualClock();
  store = storeStub({
    async exchange(exchange): Promise<ExchangeOutcome> {
      exchanges.push(exchange);
      if (failNext) {
        const error = failNext;
        failNext = undefined;
        throw error;
      }
      const taken = Math.min(ready, exchange.claim?.limit ?? 0);
      ready -= taken;
      return { ...emptyExchange, leases: Array.from({ length: taken }, (_, i) => lease(i)) };
    },
  });
  waiters = new LeaseWaiters(store, clock);
  waiters.start();
});
afterEach(() => {
  waiters.stop();
  expect(waiters.size).toBe(0);
  expect(clock.pending).toBe(0);
});

const claimOf = (runnerId: string, more: Partial<ClaimRequest> = {}): ClaimRequest => ({
  runnerId,
  queues: ["default"],
  identifiers: [{ name: "add", major: 1, minor: 0 }],
  limit: 10,
  leaseMs: 15_000,
  ...more,
});

interface Poll {
  answer: Promise<ExchangeOutcome | undefined>;
  isAnswered(): boolean;
  abort(): void;
}

/** A runner that polls, with its first claim already found empty. */
function poll(claim: ClaimRequest, options: Partial<WaitOptions> = {}): Poll {
  const controller = new AbortController();
  const entry = waiters.enter(claim);
  let answered = false;
  const answer = waiters
    .wait(entry, claim, { waitMs: 30_000, signal: controller.signal, isWorthAnswering: () => false, ...options })
    .finally(() => {
      answered = true;
      entry.leave();
    });
  return { answer, isAnswered: () => answered, abort: () => controller.abort() };
}

function becomeReady(tasks: number, queue = "default"): void {
  ready += tasks;
  store.emit("ready", new Map([[queue, tasks]]));
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("waking", () => {
  it("claims from within the signal, so that the claim joins the transaction", () => {
    poll(claimOf("a"));
    becomeReady(1);
    expect(exchanges).toHaveLength(1);
  });

  it("wakes waiters in the order they came, and no more than the tasks need", async () => {
    const [first, second, third] = [poll(claimOf("a")), poll(claimOf("b")), poll(claimOf("c"))];
    becomeReady(15);
    await Promise.all([first.answer, second.answer]);
    expect(exchanges.map(({ runnerId }) => runnerId)).toEqual(["a", "b"]);
    expect(third.isAnswered()).toBe(false);
  });

  it("wakes a waiter of every group, as it cannot tell whose code the tasks need", async () => {
    poll(claimOf("a"));
    poll(claimOf("b", { identifiers: [{ name: "other", major: 1, minor: 0 }] }));
    becomeReady(1);
    expect(exchanges.map(({ runnerId }) => runnerId)).toEqual(["a", "b"]);
  });

  it("asks again for everybody when signals of other servers may have been missed", async () => {
    const [first, second] = [poll(claimOf("a")), poll(claimOf("b", { queues: ["other"] }))];
    ready = 20;
    store.emit("missed");
    await Promise.all([first.answer, second.answer]);
    expect(exchanges.map(({ runnerId }) => runnerId)).toEqual(["a", "b"]);
  });

  it("asks no more for a runner that said goodbye", async () => {
    const leaving = poll(claimOf("a"));
    const staying = poll(claimOf("b"));
    waiters.dismiss("a");
    expect(await leaving.answer).toBeUndefined();
    becomeReady(1);
    await staying.answer;
    expect(exchanges.map(({ runnerId }) => runnerId)).toEqual(["b"]);
    waiters.dismiss("unknown");
  });

  it("leaves waiters of other queues alone", () => {
    poll(claimOf("a", { queues: ["other"] }));
    becomeReady(1);
    expect(exchanges).toHaveLength(0);
  });

  it("keeps the place of a waiter whose claim found nothing (I2)", async () => {
    const first = poll(claimOf("a"));
    const second = poll(claimOf("b"));
    becomeReady(0);
    store.emit("ready", new Map([["default", 1]]));
    await settled();
    expect(first.isAnswered()).toBe(false);
    becomeReady(1);
    expect((await first.answer)?.leases).toHaveLength(1);
    expect(second.isAnswered()).toBe(false);
  });

  it("wakes the next when a claim failed (I3)", async () => {
    const first = poll(claimOf("a"));
    const second = poll(claimOf("b"));
    failNext = new Error("disk full");
    becomeReady(1);
    await expect(first.answer).rejects.toThrow("disk full");
    expect((await second.answer)?.leases).toHaveLength(1);
  });
});

describe("never missing a task (I1)", () => {
  it("asks again when tasks became ready between the first claim and the wait", async () => {
    const claim = claimOf("a");
    const entry = waiters.enter(claim);
    becomeReady(1);
    const signal = new AbortController().signal;
    const answer = waiters.wait(entry, claim, { waitMs: 30_000, signal, isWorthAnswering: () => false });
    expect((await answer)?.leases).toHaveLength(1);
    entry.leave();
  });

  it("asks again when tasks became ready while a claim that finds nothing was under way", async () => {
    const waiter = poll(claimOf("a"));
    store.emit("ready", new Map([["default", 1]]));
    // The claim has looked already: this task comes too late for it.
    becomeReady(1);
    expect((await waiter.answer)?.leases).toHaveLength(1);
  });
});

describe("ending", () => {
  it("answers with nothing when the time is up (I5)", async () => {
    const waiter = poll(claimOf("a"), { waitMs: 5_000 });
    clock.advance(4_999);
    await settled();
    expect(waiter.isAnswered()).toBe(false);
    clock.advance(1);
    expect(await waiter.answer).toBeUndefined();
  });

  it("answers with nothing when the server stops (I5)", async () => {
    const waiter = poll(claimOf("a"));
    waiters.stop();
    expect(await waiter.answer).toBeUndefined();
  });

  it("claims nothing for a client that has gone", async () => {
    const gone = poll(claimOf("a"));
    gone.abort();
    await gone.answer;
    becomeReady(1);
    expect(exchanges).toHaveLength(0);
  });

  it("gives leases back when the client went while they were claimed (I4)", async () => {
    const waiter = poll(claimOf("a"));
    becomeReady(2);
    waiter.abort();
    expect(await waiter.answer).toBeUndefined();
    await settled();
    expect(exchanges[1]).toMatchObject({
      runnerId: "a",
      reports: [{ taskId: "task-0", result: { kind: "released" } }, { taskId: "task-1" }],
      claim: undefined,
    });
  });

  it("still hands over leases that arrive when the time is just up", async () => {
    const waiter = poll(claimOf("a"), { waitMs: 5_000 });
    becomeReady(1);
    clock.advance(5_000);
    expect((await waiter.answer)?.leases).toHaveLength(1);
  });
});

describe("cancellations", () => {
  const cancellations = [{ taskId: "t", attempt: 1, reason: CancellationReason.JOB_CANCELLED }];

  it("are not missed when they come between the first claim and the wait (I1)", async () => {
    store.exchange = async () => ({ ...emptyExchange, cancellations });
    const claim = claimOf("a");
    const entry = waiters.enter(claim);
    store.emit("cancelled", new Set(["a"]));
    const signal = new AbortController().signal;
    const answer = waiters.wait(entry, claim, { waitMs: 30_000, signal, isWorthAnswering: () => true });
    expect(await answer).toMatchObject({ cancellations });
    entry.leave();
  });

  it("answer their runner's poll at once, and nobody else's", async () => {
    store.exchange = async () => ({ ...emptyExchange, cancellations });
    const mine = poll(claimOf("a"), { isWorthAnswering: () => true });
    const other = poll(claimOf("b"), { isWorthAnswering: () => true });
    store.emit("cancelled", new Set(["a"]));
    expect(await mine.answer).toMatchObject({ cancellations });
    expect(other.isAnswered()).toBe(false);
  });
});
