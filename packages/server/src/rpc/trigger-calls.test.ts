import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { fromConnectError, type SpanloomError, TraceMode, TriggerService } from "@spanloom/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClockedServer } from "../testing/clocked-server.ts";
import { serveStubs } from "./testing/stubs.ts";

let folder: string;
let server: ClockedServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
  server = new ClockedServer(folder);
  await server.start();
});

afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const job = {
  name: "mail",
  tasks: {
    specs: [{ identifier: { name: "write" } }, { identifier: { name: "send" } }],
    groups: [{ inputs: [json("own"), json("own")], specs: [0, 1] }],
  },
};
const trigger = { name: "t", keyPattern: "order.*", inputTask: "send", job };

const put = (changes: object = {}) => server.triggers.putTrigger({ ...trigger, ...changes } as never);

async function refusal(call: Promise<unknown>): Promise<SpanloomError> {
  const error = await call.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return fromConnectError(error as Error) as SpanloomError;
}

describe("a trigger", () => {
  it("is put once: the same again changes nothing, another content raises its revision", async () => {
    const made = await put();
    expect(made).toMatchObject({
      created: true,
      changed: true,
      trigger: { revision: 1n, keyPattern: "order.*", traceMode: TraceMode.LINK, keepFirings: 100, paused: false },
    });
    expect(await put()).toMatchObject({ created: false, changed: false, trigger: { revision: 1n } });
    const changed = await put({ filter: "event.payload.amount > 1" });
    expect(changed).toMatchObject({ changed: true, trigger: { id: made.trigger!.id, revision: 2n } });
    expect((await server.triggers.getTrigger({ name: "t" })).trigger).toEqual(changed.trigger);
  });

  it("is paused and resumed, each once, and stays so when it is put again", async () => {
    await put();
    const paused = (await server.triggers.pauseTrigger({ name: "t", reason: "why" })).trigger!;
    expect(paused).toMatchObject({ paused: true, pauseReason: "why", revision: 2n });
    expect((await server.triggers.pauseTrigger({ name: "t", reason: "why" })).trigger).toEqual(paused);
    expect(await put({ description: "d" })).toMatchObject({ trigger: { paused: true, pauseReason: "why" } });
    const resumed = (await server.triggers.resumeTrigger({ name: "t" })).trigger!;
    expect(resumed).toMatchObject({ paused: false, pauseReason: "", description: "d", revision: 4n });
    expect((await server.triggers.resumeTrigger({ name: "t" })).trigger).toEqual(resumed);
  });

  it("is deleted once, and is not found then", async () => {
    await put();
    expect(await server.triggers.deleteTrigger({ name: "t" })).toMatchObject({ deleted: true });
    expect(await server.triggers.deleteTrigger({ name: "t" })).toMatchObject({ deleted: false });
    const calls = [
      server.triggers.getTrigger({ name: "t" }),
      server.triggers.pauseTrigger({ name: "t" }),
      server.triggers.resumeTrigger({ name: "t" }),
      server.triggers.listFirings({ trigger: "t" }),
    ];
    for (const call of calls) expect(await refusal(call)).toMatchObject({ reason: "TRIGGER_NOT_FOUND" });
  });

  it("is listed by name, beside schedules of the same name", async () => {
    for (const name of ["b", "a", "c"]) await put({ name });
    await server.triggers.pauseTrigger({ name: "b" });
    const times = { case: "interval", value: { every: { seconds: 60n } } };
    await server.triggers.putSchedule({ name: "a", spec: { times }, job } as never);
    const first = await server.triggers.listTriggers({ pageSize: 2 });
    const rest = await server.triggers.listTriggers({ pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.triggers, ...rest.triggers].map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect((await server.triggers.listTriggers({ paused: false })).triggers.map(({ name }) => name)).toEqual([
      "a",
      "c",
    ]);
    const both = await server.triggers.listFirings({ schedule: "a", trigger: "a" });
    expect(both.firings).toEqual([]);
  });

  it("is of at most a mebibyte, and as many as fit an answer are on a page", async () => {
    const big = (bytes: number) => ({
      ...job,
      tasks: {
        ...job.tasks,
        groups: Array.from({ length: 4 }, () => ({ inputs: [json("x".repeat(bytes / 4))], specs: [1] })),
      },
    });
    expect(await refusal(put({ job: big(1_048_560) }))).toMatchObject({
      reason: "LIMIT_EXCEEDED",
      facts: { field: "job", limit: 1_048_576 },
    });
    for (let i = 0; i < 10; i++) await put({ name: `t${i}`, job: big(1_000_000) });
    const first = await server.triggers.listTriggers({});
    expect(first.triggers).toHaveLength(8);
    const rest = await server.triggers.listTriggers({ pageToken: first.nextPageToken });
    expect(rest.triggers.map(({ name }) => name)).toEqual(["t8", "t9"]);
    expect(rest.nextPageToken).toBe("");
  });

  it.each([
    ["filter", { filter: "event.payload.amount >" }],
    ["input", { input: "nothing.there" }],
    ["input_task", { inputTask: "other" }],
    ["key_pattern", { keyPattern: "order.." }],
    ["job.tasks", { job: { name: "n" } }],
  ])("is refused for its %s, by name", async (field, changes) => {
    expect(await refusal(put(changes))).toMatchObject({ reason: "INVALID_FIELD", facts: { field } });
  });
});

describe("the test of a trigger", () => {
  const test = (changes: object, payload: unknown, key = "order.paid") =>
    server.triggers.testTrigger({
      trigger: { ...trigger, ...changes },
      event: { key, payload: json(payload) },
    } as never);
  const inputsOf = (answer: Awaited<ReturnType<typeof test>>) => answer.job?.tasks?.groups[0]?.inputs.map(text);

  it("shows the job that an event would submit, and makes neither", async () => {
    const answer = await test(
      { filter: "event.payload.amount > 10.0", input: '{"n": event.payload.amount}' },
      { amount: 12 },
    );
    expect(answer).toMatchObject({ matches: true, error: "", job: { name: "mail" } });
    expect(inputsOf(answer)).toEqual(['"own"', '{"n":12}']);
    expect((await server.triggers.listTriggers({})).triggers).toEqual([]);
    expect((await server.jobs.listJobs({})).jobs).toEqual([]);
  });

  it("gives the payload as it is without a mapping, and leaves the template's inputs for no task", async () => {
    expect(inputsOf(await test({}, { a: 1 }))).toEqual(['"own"', '{"a":1}']);
    expect(inputsOf(await test({ inputTask: "-" }, { a: 1 }))).toEqual(['"own"', '"own"']);
  });

  it("tells that an event does not match, or why that cannot be told", async () => {
    expect(await test({ filter: "event.payload.amount > 10.0" }, { amount: 9 })).toMatchObject({
      matches: false,
      error: "",
    });
    expect(await test({}, {}, "user.made")).toMatchObject({ matches: false, error: "" });
    const failed = await test({ filter: "event.payload.amount > 10.0" }, {});
    expect(failed).toMatchObject({ matches: false, error: expect.stringContaining("amount") });
    expect(failed.job).toBeUndefined();
  });

  it("refuses what is no event or no trigger, by name", async () => {
    const of = (request: object) => refusal(server.triggers.testTrigger(request as never));
    expect(await of({ event: { key: "a" } })).toMatchObject({ facts: { field: "trigger" } });
    expect(await of({ trigger })).toMatchObject({ facts: { field: "event" } });
    expect(await of({ trigger, event: { key: "a..b" } })).toMatchObject({ facts: { field: "event.key" } });
    const payload = new TextEncoder().encode("{");
    expect(await of({ trigger, event: { key: "a", payload } })).toMatchObject({ facts: { field: "event.payload" } });
  });
});

it("a server whose store keeps no triggers serves none of their calls", async () => {
  await using stub = await serveStubs();
  const triggers = createClient(TriggerService, createGrpcTransport({ baseUrl: stub.url }));
  expect(await refusal(triggers.listSchedules({}))).toMatchObject({ reason: "UNIMPLEMENTED" });
  expect(stub.log).toEqual([]);
});
