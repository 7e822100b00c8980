import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { EventService, JobService, TriggerService } from "@spanloom/protocol";
import { TestPostgres, waitFor } from "@spanloom/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type ServerProgram, ServerPrograms, transportTo } from "./testing/server-program.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(() => postgres.stop());

const programs = new ServerPrograms();
let folder: string;
let databaseUrl: string;
let databases = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
  databaseUrl = await postgres.createDatabase(`events_${databases++}`);
});
afterEach(async () => {
  await programs.killAll();
  await rm(folder, { recursive: true, force: true });
});

/** A server on the shared database, and clients of it. */
async function startServer(name: string) {
  const env = { SPANLOOM_DATABASE_URL: databaseUrl };
  const program: ServerProgram = programs.start({ dataDir: join(folder, name), env });
  const transport = transportTo(await program.url);
  return {
    program,
    events: createClient(EventService, transport),
    triggers: createClient(TriggerService, transport),
    jobs: createClient(JobService, transport),
  };
}

type Server = Awaited<ReturnType<typeof startServer>>;

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

const job = {
  name: "job",
  tasks: { specs: [{ identifier: { name: "t" } }], groups: [{ inputs: [json(0)], specs: [0] }] },
};

const eventsOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `e-${from + n}`, key: "a.b", payload: json({ n: from + n }) }));

async function matched({ events }: Server, eventId: string): Promise<void> {
  await waitFor(async () => (await events.getEvent({ eventId })).event?.matched === true, {
    deadlineMs: 120_000,
    what: `event ${eventId} to be matched`,
  });
}

async function countJobs({ jobs }: Server): Promise<number> {
  const { counts } = await jobs.countJobs({});
  return counts.reduce((sum, { count }) => sum + Number(count), 0);
}

test("a trigger that was made at one server takes the events that another acknowledges after it", async () => {
  const [a, b] = await Promise.all([startServer("a"), startServer("b")]);
  for (let round = 0; round < 10; round++) {
    const name = `t-${round}`;
    await b.triggers.putTrigger({ name, keyPattern: `round.${round}`, job });
    await a.events.publishEvents({ events: [{ id: name, key: `round.${round}` }] });
    await matched(a, name);
    expect((await a.events.getEvent({ eventId: name })).event?.firings).toHaveLength(1);
  }
});

test("events are matched once by several servers, one of which is killed while it matches", async () => {
  const [a, b] = await Promise.all([startServer("a"), startServer("b")]);
  for (let n = 0; n < 4; n++)
    await a.triggers.putTrigger({ name: `t-${n}`, keyPattern: "a.*", filter: `int(event.payload.n) % 4 == ${n}`, job });
  for (let from = 0; from < 4_000; from += 500) await a.events.publishEvents({ events: eventsOf(from, 500) });
  a.program.child.kill("SIGKILL");
  await a.program.end;
  await matched(b, "e-3999");
  expect(await countJobs(b)).toBe(4_000);
});
