import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { EventService, WebhookScheme } from "@spanloom/protocol";
import { TestPostgres, waitFor } from "@spanloom/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { PostgresStore } from "./store/postgres/index.ts";
import { SqliteStore } from "./store/sqlite/index.ts";
import type { Store } from "./store/store.ts";
import type { EventRecord } from "./store/trigger-store.ts";
import { type ServerProgram, ServerPrograms, transportTo } from "./testing/server-program.ts";

const SECRET = "known to both sides";
const env = { HOOK_SECRET: SECRET, SPANLOOM_SECRET_KEY: "ab".repeat(32) };

let folder: string;
const programs = new ServerPrograms();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
});
afterEach(async () => {
  await programs.killAll();
  await rm(folder, { recursive: true, force: true });
});

const eventsAt = (url: string) => createClient(EventService, transportTo(url));

/** A webhook as GitHub's, with one secret of the environment and one that is stored. */
const code = {
  name: "code",
  scheme: WebhookScheme.GITHUB,
  secrets: [
    { secret: { case: "env" as const, value: "HOOK_SECRET" } },
    { secret: { case: "value" as const, value: "another secret" } },
  ],
};

/** Delivers once; the event's id, or the status, or undefined when the server was not there. */
async function deliver(url: string, delivery: number, secret = SECRET): Promise<string | number | undefined> {
  const body = JSON.stringify({ delivery });
  const headers = {
    "content-type": "application/json",
    "x-github-event": "push",
    "x-github-delivery": `delivery-${delivery}`,
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
  };
  try {
    const response = await fetch(`${url}/hooks/code`, { method: "POST", headers, body });
    return response.status === 202 ? ((await response.json()) as { event_id: string }).event_id : response.status;
  } catch {
    // The server was killed: its sender delivers again.
    return undefined;
  }
}

/** Every event of a store that nobody serves any more. */
async function readEvents(store: Store): Promise<readonly EventRecord[]> {
  await store.start();
  try {
    return (await store.triggers?.listEvents({}, { limit: 1_000 })) ?? [];
  } finally {
    await store.stop();
  }
}

describe("deliveries to a server that is killed", () => {
  it("are stored once each when they were accepted, whichever of their tries was", async () => {
    const dataDir = join(folder, "data");
    let program: ServerProgram = programs.start({ dataDir, env });
    let url = await program.url;
    await eventsAt(url).putWebhook(code);
    const accepted = new Map<number, Set<string>>();
    const send = async (delivery: number): Promise<void> => {
      const ids = new Set<string>();
      await waitFor(async () => {
        const answer = await deliver(url, delivery, delivery % 2 === 0 ? SECRET : "another secret");
        if (typeof answer === "string") accepted.set(delivery, ids.add(answer));
        return typeof answer === "string";
      });
    };
    let begun = 0;
    const senders = Array.from({ length: 8 }, async () => {
      while (begun < 300) {
        const delivery = begun++;
        await send(delivery);
        // Now and then it did not hear of it, and delivers again.
        if (delivery % 3 === 0) await send(delivery);
      }
    });
    for (const atDelivery of [80, 180]) {
      await waitFor(async () => begun >= atDelivery);
      program.child.kill("SIGKILL");
      await program.end;
      program = programs.start({ dataDir, env });
      url = await program.url;
    }
    await Promise.all(senders);
    program.child.kill("SIGKILL");
    await program.end;
    const events = await readEvents(new SqliteStore({ dataDir, nowUs: () => systemClock.nowUs() }));
    expect(accepted.size).toBe(300);
    expect([...accepted.values()].filter((ids) => ids.size !== 1)).toEqual([]);
    expect(events.map(({ id }) => id).sort()).toEqual([...accepted.values()].flatMap((ids) => [...ids]).sort());
    expect(new Set(events.map(({ key, source, webhook }) => `${key} ${source} ${webhook}`))).toEqual(
      new Set(["webhook.code.push webhook code"]),
    );
  });
});

describe("deliveries to several servers on one PostgreSQL", () => {
  it("are one event each, wherever they come in, and each server hears of the other's changes", async () => {
    await using postgres = await TestPostgres.start();
    const databaseUrl = await postgres.createDatabase("hooks");
    const started = ["a", "b"].map((name) =>
      programs.start({ dataDir: join(folder, name), env: { ...env, SPANLOOM_DATABASE_URL: databaseUrl } }),
    );
    const [first = "", second = ""] = await Promise.all(started.map(({ url }) => url));
    await eventsAt(first).putWebhook(code);
    await waitFor(async () => (await deliver(second, 0)) !== 404);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => Promise.all([first, second, first].map((url) => deliver(url, i)))),
    );
    for (const ids of answers) expect(new Set(ids).size).toBe(1);
    await eventsAt(second).putWebhook({ ...code, paused: true });
    expect(await deliver(second, 200)).toBe(503);
    // Until it has heard, the other server takes deliveries: one that is there already makes no further event.
    await waitFor(async () => (await deliver(first, 0)) === 503);
    for (const { child, end } of started) {
      child.kill("SIGKILL");
      await end;
    }
    const events = await readEvents(new PostgresStore({ url: databaseUrl, nowUs: () => systemClock.nowUs() }));
    expect(events.map(({ id }) => id).sort()).toEqual(answers.map(([id]) => id).sort());
  });
});
