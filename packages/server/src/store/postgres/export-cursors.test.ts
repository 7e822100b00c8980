import { newSignal, TestPostgres } from "@spanloom/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PostgresStore } from "./postgres-store.ts";

let postgres: TestPostgres;
let url: string;
let databases = 0;
beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  url = await postgres.createDatabase(`exporters_${databases++}`);
});

const stores: PostgresStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.stop();
});

async function start() {
  const store = new PostgresStore({ url });
  await store.start();
  stores.push(store);
  return store.exportCursors;
}

const HOUR_MS = 3_600_000;

describe("exporters that servers share", () => {
  it("are each taken by one server, however many ask at once", async () => {
    const servers = await Promise.all(Array.from({ length: 4 }, () => start()));
    const names = ["a", "b", "c"];
    const taken = await Promise.all(servers.map((server) => server.take(names, HOUR_MS)));
    const all = taken.flat();
    expect(all.map(({ name }) => name).sort()).toEqual(names);
    expect(all.every(({ token, cursor }) => token === 1 && cursor === "")).toBe(true);
    expect((await Promise.all(servers.map((server) => server.take(names, HOUR_MS)))).flat()).toEqual([]);
  });

  it("are taken over with their cursors when a lease has ended, and the server before can change nothing", async () => {
    const [first, second] = [await start(), await start()];
    const [held] = await first.take(["a"], 0);
    expect(await first.keep([{ ...held!, cursor: "1" }], 0)).toEqual(new Set(["a"]));
    // Nobody took it meanwhile: what ended goes on.
    expect(await first.keep([{ ...held!, cursor: undefined }], 0)).toEqual(new Set(["a"]));
    expect(await second.take(["a"], HOUR_MS)).toEqual([{ name: "a", token: 2, cursor: "1" }]);
    expect(await first.keep([{ ...held!, cursor: "0" }], HOUR_MS)).toEqual(new Set());
    await first.giveBack({ ...held!, cursor: "0" });
    expect(await first.take(["a"], HOUR_MS)).toEqual([]);
    expect(await second.keep([{ name: "a", token: 2, cursor: "2" }], 0)).toEqual(new Set(["a"]));
    expect(await first.take(["a"], HOUR_MS)).toEqual([{ name: "a", token: 3, cursor: "2" }]);
  });

  it("are told of when they are given back, and free at once", async () => {
    const [first, second] = [await start(), await start()];
    const [held] = await first.take(["a", "b"], HOUR_MS);
    const told = newSignal<void>();
    second.onGivenBack(() => told.resolve());
    await first.giveBack({ ...held!, cursor: "7" });
    await told.promise;
    expect(await second.take(["a", "b"], HOUR_MS)).toEqual([{ name: held!.name, token: 2, cursor: "7" }]);
  });

  it("are forgotten when nobody has had them for long, and not before", async () => {
    const server = await start();
    const [held] = await server.take(["gone"], 0);
    await server.keep([{ ...held!, cursor: "1" }], 0);
    await server.take(["busy"], HOUR_MS);
    await server.forget(HOUR_MS);
    expect(await server.take(["gone"], 0)).toEqual([{ name: "gone", token: 2, cursor: "1" }]);
    await server.forget(0);
    expect(await server.take(["gone", "busy"], 0)).toEqual([{ name: "gone", token: 1, cursor: "" }]);
  });
});
