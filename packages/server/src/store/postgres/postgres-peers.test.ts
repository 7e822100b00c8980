import { newSignal, TestPostgres, waitFor } from "@spanloom/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../rpc/testing/manual-clock.ts";
import type { PeerRequest } from "../peers.ts";
import { PostgresPeers } from "./postgres-peers.ts";
import { PostgresStore } from "./postgres-store.ts";

let postgres: TestPostgres;
let url: string;
let databases = 0;
beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  url = await postgres.createDatabase(`peers_${databases++}`);
});

const stores: PostgresStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.stop();
});

async function start(
  serve?: (request: PeerRequest) => Promise<boolean>,
  clock?: ManualClock,
): Promise<{ store: PostgresStore; id: string }> {
  const id = crypto.randomUUID();
  const store = new PostgresStore({
    url,
    serverId: id,
    ...(clock && { schedule: (run, delayMs) => clock.schedule(run, delayMs) }),
  });
  await store.start();
  stores.push(store);
  if (serve) store.peers.onAsk(serve);
  return { store, id };
}

describe("servers that ask each other", () => {
  it("get an answer from every other one, and none from themselves", async () => {
    const served: string[] = [];
    const serve = (name: string) => async (request: PeerRequest) => served.push(`${name} ${request}`) > 0;
    const { store } = await start(serve("a"));
    expect(await store.peers.ask("telemetry", 5_000)).toEqual({ failed: [], silent: [], gone: [], unsure: [] });
    await start(serve("b"));
    await start(serve("c"));
    expect(await store.peers.ask("telemetry", 5_000)).toEqual({ failed: [], silent: [], gone: [], unsure: [] });
    expect(served.toSorted()).toEqual(["b telemetry", "c telemetry"]);
  });

  it("hear who could not do it, and why", async () => {
    const { store } = await start();
    const { id } = await start(() => Promise.reject(new Error("the disk is full")));
    expect(await store.peers.ask("lifecycle", 5_000)).toEqual({
      failed: [{ serverId: id, why: "the disk is full" }],
      silent: [],
      gone: [],
      unsure: [],
    });
  });

  it("wait for one that is still starting, and until it has done it", async () => {
    const { store } = await start();
    const { store: other } = await start();
    const answer = store.peers.ask("lifecycle", 5_000);
    const begun = newSignal<void>();
    const done = newSignal<void>();
    other.peers.onAsk(async () => {
      begun.resolve();
      await done.promise;
      return true;
    });
    await begun.promise;
    done.resolve();
    expect(await answer).toEqual({ failed: [], silent: [], gone: [], unsure: [] });
  });

  it("hear who did it and cannot tell what became of something before", async () => {
    const { store } = await start();
    const { id } = await start(async () => false);
    expect(await store.peers.ask("telemetry", 5_000)).toEqual({ failed: [], silent: [], gone: [], unsure: [id] });
  });

  it("know for how long a server has been gone that said no goodbye", async () => {
    const { store } = await start();
    const { store: leaving } = await start();
    await leaving.stop();
    expect((await store.peers.ask("telemetry", 5_000)).lostMsAgo).toBeUndefined();
    const { store: dying } = await start();
    dying.peers.handOver(); // ends as one that is killed does, with its row left
    await dying.stop();
    expect(await store.peers.ask("telemetry", 5_000)).toMatchObject({ gone: [expect.any(String)] });
    await start();
    const { gone, lostMsAgo } = await store.peers.ask("telemetry", 5_000);
    expect(gone).toEqual([]);
    expect(lostMsAgo).toBeGreaterThanOrEqual(0);
    expect(lostMsAgo).toBeLessThan(600_000);
  });

  it("leave one out that is silent, and wait for it no more until it is heard", async () => {
    const { store } = await start();
    const { store: other, id } = await start();
    const left = { failed: [], silent: [id], gone: [], unsure: [] };
    expect(await store.peers.ask("lifecycle", 250)).toEqual(left);
    // Whoever is waited for no more costs no time, however much is given.
    expect(await store.peers.ask("lifecycle", 600_000)).toEqual(left);
    other.peers.onAsk(async () => true);
    await waitFor(async () => (await store.peers.ask("lifecycle", 5_000)).silent.length === 0);
  });

  it("take over what a server left that could not finish, once", async () => {
    const taken: string[] = [];
    const { store: leaving } = await start();
    const { store: first } = await start(async () => true);
    first.peers.onGone(async () => void taken.push("first"));
    leaving.peers.handOver();
    await leaving.stop();
    const { store: second } = await start();
    second.peers.onGone(async () => void taken.push("second"));
    await waitFor(() => taken.length > 0);
    expect(taken).toEqual(["second"]);
  });
});

describe("looking for servers that are gone", () => {
  function peersBeside(asked: string[]) {
    const clock = new ManualClock();
    const rows = async ({ name }: { name: string }) => {
      asked.push(name);
      return [];
    };
    const peers = new PostgresPeers({
      serverId: crypto.randomUUID(),
      reader: () => ({ rows }),
      channel: "spanloom:test",
      payload: (topic, body) => `${topic} ${body}`,
      settled: async () => undefined,
      isListening: () => true,
      schedule: (run, delayMs) => clock.schedule(run, delayMs),
    });
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 1_000) {
        clock.advance(1_000);
        await new Promise(setImmediate);
      }
    };
    return { peers, clock, pass };
  }

  it("asks nothing of PostgreSQL for as long as nobody works (I1)", async () => {
    const asked: string[] = [];
    const { peers, clock, pass } = peersBeside(asked);
    peers.start();
    await pass(600_000);
    expect([asked, clock.pending]).toEqual([[], 0]);
    await peers.stop();
  });

  it("goes on for a minute after the last work of which another server was told, and then ends (I1)", async () => {
    const asked: string[] = [];
    const { peers, clock, pass } = peersBeside(asked);
    peers.start();
    peers.lookSoon();
    await pass(30_000);
    expect(asked).toEqual(Array(6).fill("remove_gone_servers"));
    peers.lookSoon();
    await pass(600_000);
    expect([asked.length, clock.pending]).toEqual([6 + 12, 0]);
    peers.lookSoon();
    await peers.stop();
    expect(clock.pending).toBe(0);
  });

  it("is not done by a server alone, and done by both of two when one has worked (I1)", async () => {
    const clock = new ManualClock();
    const { store } = await start(undefined, clock);
    const runner = { host: "", pid: 1, sdkName: "", sdkVersion: "", serviceName: "", serviceVersion: "" };
    const id = crypto.randomUUID();
    await store.registerRunner({ id, ...runner, queues: ["default"], identifiers: [], capacity: 1 });
    await store.drainRunner(id);
    expect(clock.pending).toBe(0);
    const otherClock = new ManualClock();
    await start(undefined, otherClock);
    expect([clock.pending, otherClock.pending]).toEqual([0, 0]);
    await store.drainRunner(id);
    expect(clock.pending).toBe(1);
    await waitFor(() => otherClock.pending === 1, { what: "the other to hear of it" });
  });

  it("begins when a server leaves work undone, on those that were at rest", async () => {
    const clock = new ManualClock();
    const taken: string[] = [];
    const { store } = await start(undefined, clock);
    store.peers.onGone(async () => void taken.push("all"));
    const { store: leaving } = await start();
    leaving.peers.handOver();
    expect(clock.pending).toBe(0);
    await leaving.stop();
    await waitFor(() => {
      clock.advance(5_000);
      return taken.length > 0;
    });
  });
});

describe("versions of what lifecycle spans are made from", () => {
  it("rise with every reading, on whatever server", async () => {
    const servers = [await start(), await start()];
    const versions: number[] = [];
    for (let i = 0; i < 6; i++) versions.push((await servers[i % 2]!.store.readLifecycle([], [])).version!);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(new Set(versions).size).toBe(6);
  });
});
