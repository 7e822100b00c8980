import { IdGenerator } from "@spanloom/protocol";
import { TestPostgres, waitFor } from "@spanloom/testing";
import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openConnection } from "./connection.ts";
import { Listener } from "./listener.ts";
import { migrate } from "./migrate.ts";
import { channelOf, encodePayload } from "./notify.ts";
import { TAKE_STORE_LOCK } from "./store-lock.ts";

let postgres: TestPostgres;
let url: string;
beforeAll(async () => {
  postgres = await TestPostgres.start();
  url = await postgres.createDatabase("listeners");
  await migrate({ url });
});
afterAll(() => postgres.stop());

const ids = new IdGenerator();
const listeners: Listener[] = [];
const clients: Client[] = [];
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.stop();
  for (const client of clients.splice(0)) await client.end().catch(() => {});
});

async function listen() {
  const heard: string[] = [];
  const gaps: number[] = [];
  const serverId = ids.next();
  const listener = new Listener({
    target: { url },
    serverId,
    onMessage: (topic, body) => heard.push(`${topic} ${body}`),
    onGap: () => gaps.push(heard.length),
    schedule: (run, delayMs) => {
      const timer = setTimeout(run, delayMs / 20);
      return () => clearTimeout(timer);
    },
    random: () => 0.5,
  });
  listeners.push(listener);
  await listener.start();
  return { listener, serverId, heard, gaps };
}

async function connected(): Promise<Client> {
  const client = await openConnection({ url }, { purpose: "test" });
  clients.push(client);
  return client;
}

async function say(serverId: string, text: string): Promise<void> {
  const client = await connected();
  await client.query("SELECT pg_notify($1, $2)", [channelOf("spanloom"), encodePayload(serverId, "test", text)]);
}

async function servers(): Promise<string[]> {
  const { rows } = await (await connected()).query<{ id: string }>("SELECT id FROM server ORDER BY id");
  return rows.map(({ id }) => id);
}

describe("listening", () => {
  it("hears what others say and not itself", async () => {
    const [first, second] = [await listen(), await listen()];
    await say(first.serverId, "one two");
    await waitFor(() => second.heard.length > 0);
    await say(second.serverId, "three");
    await waitFor(() => first.heard.length > 0);
    expect([first.heard, second.heard]).toEqual([["test three"], ["test one two"]]);
  });

  it("enters the server, and removes those that left without a word (I3)", async () => {
    const [first, second] = [await listen(), await listen()];
    expect(await servers()).toEqual([first.serverId, second.serverId]);
    await second.listener.stop();
    await second.listener.stop();
    expect(await servers()).toEqual([first.serverId]);
    const gone = ids.next();
    await (await connected()).query("INSERT INTO server VALUES ($1, pg_backend_pid(), '2000-01-01')", [gone]);
    const third = await listen();
    expect(await servers()).toEqual([first.serverId, third.serverId]);
  });

  it("enters the server only between transactions, so that none commits unheard (I4)", async () => {
    const writer = await connected();
    await writer.query("BEGIN");
    await writer.query(TAKE_STORE_LOCK);
    let started = false;
    const starting = listen().then((one) => {
      started = true;
      return one;
    });
    await waitFor(async () => {
      const { rows } = await writer.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
      return rows.length > 0;
    });
    expect(started).toBe(false);
    await writer.query("COMMIT");
    const { serverId } = await starting;
    expect(await servers()).toContain(serverId);
  });

  it("tells of a gap when it lost its connection, and hears again (I1)", async () => {
    const { heard, gaps, serverId } = await listen();
    await (await connected()).query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'spanloom listener'",
    );
    await waitFor(() => gaps.length > 0, { what: "the gap" });
    expect(await servers()).toEqual([serverId]);
    await say(ids.next(), "again");
    await waitFor(() => heard.length > 0);
    expect(heard).toEqual(["test again"]);
  });

  it("goes on trying while PostgreSQL is away, telling of gaps, and comes back with it (I1)", async () => {
    const { heard, gaps } = await listen();
    await postgres.crash();
    await waitFor(() => gaps.length >= 2, { what: "gaps while it is away" });
    await postgres.recover();
    await waitFor(async () => (await servers().catch(() => [])).length > 0);
    await waitFor(async () => {
      await say(ids.next(), "back");
      return heard.includes("test back");
    });
  });

  it("asks nothing of the database while it is connected (I2)", async () => {
    await listen();
    const client = await connected();
    const activity = async () =>
      (await client.query("SELECT query_start FROM pg_stat_activity WHERE application_name = 'spanloom listener'"))
        .rows;
    const before = await activity();
    expect(before).toHaveLength(1);
    for (let i = 0; i < 20; i++) await client.query("SELECT pg_sleep(0.01)");
    expect(await activity()).toEqual(before);
  });
});
