import { basename } from "node:path";
import { TestPostgres, testStore } from "@spanloom/testing";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { Store, StoreEvents, TriggerStore } from "../store.ts";
import { PostgresStore } from "./index.ts";
import { migrate } from "./migrate.ts";
import { recordDifferences } from "./testing/record-differences.ts";

const TEMPLATE = `two_servers_template_${process.pid}`;

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
  await migrate({ url: await postgres.createDatabase(TEMPLATE) });
});
afterEach(() => postgres.dropDatabases(TEMPLATE));
afterAll(() => postgres.stop());

/** A store whose calls go to two servers in turn: none ever finds the record as it left it. */
function twoServers(database: string, options: { nowUs: () => number; cancelGraceMs: number }): Store {
  const url = postgres.url(database);
  const servers = [new PostgresStore({ url, ...options }), new PostgresStore({ url, ...options })];
  let calls = 0;
  let isOpen = false;
  const own: Partial<{ -readonly [Name in keyof Store]: Store[Name] }> = {
    start: async () => {
      await postgres.createDatabase(database, TEMPLATE);
      for (const server of servers) await server.start();
      isOpen = true;
    },
    stop: async () => {
      for (const server of servers) await server.stop();
      if (!isOpen) return;
      isOpen = false;
      expect(await recordDifferences(url)).toEqual({});
    },
    on: <Name extends keyof StoreEvents>(name: Name, listener: StoreEvents[Name]) => {
      const unsubscribe = servers.map((server) => server.on(name, listener));
      return () => {
        for (const each of unsubscribe) each();
      };
    },
  };
  const triggers: Partial<TriggerStore> = {
    onNews: (listener) => {
      const unsubscribe = servers.map((server) => server.triggers.onNews(listener));
      return () => {
        for (const each of unsubscribe) each();
      };
    },
  };
  const inTurn = <Part extends object>(part: Partial<Part>, of: (server: Store) => Part) =>
    new Proxy(part as Part, {
      get: (target, name) => {
        const named = name as keyof Part;
        if (target[named] !== undefined) return target[named];
        const server = of(servers[calls++ % 2]!);
        return (server[named] as (...args: unknown[]) => unknown).bind(server);
      },
    });
  own.triggers = inTurn(triggers, (server) => server.triggers);
  return inTurn(own, (server) => server);
}

const hearsTwice = "listeners hear the server that did it and the one that was told";
const counts = "each server counts what it did itself";
const apart = "what is asked for at once goes to two servers, each with a transaction of its own";

testStore(
  "two servers in turn",
  ({ dataDir, clock, cancelGraceMs }) => twoServers(basename(dataDir), { nowUs: clock.nowUs, cancelGraceMs }),
  {
    "a claim made by a ready listener gets the lease in the same commit (I6)": apart,
    "claims of one commit never get the same task, whichever comes later in it": apart,
    "writes asked for in one turn share a commit, each with its own answer (I5)": apart,
    "a job may start and be cancelled in one commit": apart,
    "a job that starts and is stopped in one commit has both, in order": apart,
    "the backlog shows what is open, and what was done is counted once it is committed": counts,
    "signals name what changed, what ended and what is due": hearsTwice,
    "a retry announces what is ready and what changed, and the job's next end": hearsTwice,
    "the end of a job wakes those who wait for the next one's tasks": hearsTwice,
    "a time that is fired submits its job, is recorded, and moves its schedule on": hearsTwice,
  },
);
