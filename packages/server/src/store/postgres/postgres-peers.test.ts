import { newSignal, TestPostgres, waitFor } from "@spanloom/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PeerRequest } from "../peers.ts";
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

async function start(serve?: (request: PeerRequest) => Promise<void>): Promise<{ store: PostgresStore; id: string }> {
  const id = crypto.randomUUID();
  const store = new PostgresStore({ url, serverId: id });
  await store.start();
  stores.push(store);
  if (serve) store.peers.onAsk(serve);
  return { store, id };
}

describe("servers that ask each other", () => {
  it("get an answer from every other one, and none from themselves", async () => {
    const served: string[] = [];
    const serve = (name: string) => async (request: PeerRequest) => void served.push(`${name} ${request}`);
    const { store } = await start(serve("a"));
    expect(await store.peers.ask("telemetry", 5_000)).toEqual({ failed: [], silent: [], gone: [] });
    await start(serve("b"));
    await start(serve("c"));
    expect(await store.peers.ask("telemetry", 5_000)).toEqual({ failed: [], silent: [], gone: [] });
    expect(served.toSorted()).toEqual(["b telemetry", "c telemetry"]);
  });

  it("hear who could not do it, and why", async () => {
    const { store } = await start();
    const { id } = await start(() => Promise.reject(new Error("the disk is full")));
    expect(await store.peers.ask("lifecycle", 5_000)).toEqual({
      failed: [{ serverId: id, why: "the disk is full" }],
      silent: [],
      gone: [],
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
    });
    await begun.promise;
    done.resolve();
    expect(await answer).toEqual({ failed: [], silent: [], gone: [] });
  });

  it("leave one out that is silent, and wait for it no more until it is heard", async () => {
    const { store } = await start();
    const { store: other, id } = await start();
    const left = { failed: [], silent: [id], gone: [] };
    expect(await store.peers.ask("lifecycle", 250)).toEqual(left);
    // Whoever is waited for no more costs no time, however much is given.
    expect(await store.peers.ask("lifecycle", 600_000)).toEqual(left);
    other.peers.onAsk(async () => undefined);
    await waitFor(async () => (await store.peers.ask("lifecycle", 5_000)).silent.length === 0);
  });

  it("take over what a server left that could not finish, once", async () => {
    const taken: string[] = [];
    const { store: leaving } = await start();
    const { store: first } = await start(async () => undefined);
    first.peers.onGone(async () => void taken.push("first"));
    leaving.peers.handOver();
    await leaving.stop();
    const { store: second } = await start();
    second.peers.onGone(async () => void taken.push("second"));
    await waitFor(() => taken.length > 0);
    expect(taken).toEqual(["second"]);
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
