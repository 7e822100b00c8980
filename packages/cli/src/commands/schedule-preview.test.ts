import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";

let folder: string;
let server: RunningServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-preview-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const context = capturedContext({ env: { SPANLOOM_URL: server.url } });
  const exitCode = await runCli(args, context);
  return { exitCode, out: context.out(), err: context.err() };
}

const after = ["--after", "2029-12-31T23:30:00Z"];

test("times are told before a schedule is made, and of one that is there", async () => {
  const wanted = "2030-01-01T02:00:00.000Z  in 2 h 00 m\n2030-01-02T02:00:00.000Z  in 26 h 00 m\n";
  const times = ["--cron", "0 3 * * *", "--time-zone", "Europe/Berlin"];
  expect((await run("schedule", "preview", ...times, "--count", "2", ...after)).out).toBe(wanted);
  expect((await run("schedule", "preview", "nightly")).exitCode).toBe(1);
  await run("schedule", "put", "nightly", "report", ...times);
  expect((await run("schedule", "preview", "nightly", "--count", "2", ...after)).out).toBe(wanted);
  const { out } = await run("schedule", "preview", "--every", "90m", "--count", "2", ...after, "--json");
  expect(JSON.parse(out)).toEqual({ times: ["2030-01-01T00:00:00.000Z", "2030-01-01T01:30:00.000Z"] });
});

test("a time that has passed is the last", async () => {
  const { out } = await run("schedule", "preview", "--at", "2029-01-01T00:00:00Z", ...after);
  expect(out).toBe("It does not fire again.\n");
});

test.each([
  [["schedule", "preview"], "cannot use none of --cron, --every, --at"],
  [["schedule", "preview", "nightly", "--every", "1h"], 'cannot preview "nightly" at other times'],
  [["schedule", "preview", "--cron", "never"], "cron"],
])("%j is not understood", async (args, message) => {
  const { exitCode, err } = await run(...args);
  expect([exitCode, err]).toEqual([2, expect.stringContaining(message)]);
});

test("a trigger is tried on an event, and nothing is made", async () => {
  await run("trigger", "put", "ship", "ship-order", "--on", "order.paid", "--when", "event.payload.amount > 100");
  const tried = (...args: string[]) => run("trigger", "test", "ship", ...args);
  const large = await tried("order.paid", "--payload", '{"amount":120}');
  expect([large.exitCode, large.out]).toEqual([
    0,
    expect.stringMatching(/^fires +yes\n[\s\S]*input +\{"amount":120\}/),
  ]);
  expect(await tried("order.paid", "-p", '{"amount":1}')).toMatchObject({ exitCode: 1, out: "fires     no\n" });
  expect((await tried("order.lost", "-p", '{"amount":120}')).exitCode).toBe(1);
  expect((await tried("order.paid")).out).toMatch(/^fires +no\nerror +\S/);
  expect(JSON.parse((await run("job", "list", "--json")).out)).toEqual([]);
  expect(JSON.parse((await run("event", "list", "--json")).out)).toEqual([]);
  const unknown = await run("trigger", "test", "none", "order.paid");
  expect([unknown.exitCode, unknown.err]).toEqual([1, expect.stringContaining("spanloom trigger list")]);
});
