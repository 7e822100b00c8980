import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Runner } from "@spanloom/runner";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";
import { add } from "../testing/example-tasks.ts";

let folder: string;
let server: RunningServer;
let runner: Runner;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-triggers-test-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  runner = new Runner({ url: server.url, tasks: [add], registerGlobalTracing: false });
  await runner.start();
});

afterAll(async () => {
  await runner?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const context = capturedContext({ env: { SPANLOOM_URL: server.url } });
  const exitCode = await runCli(args, context);
  return { exitCode, out: context.out(), err: context.err() };
}

async function json(...args: string[]) {
  const { exitCode, out, err } = await run(...args, "--json");
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  return JSON.parse(out);
}

const WAIT = { timeout: 60_000, interval: 50 };
const input = '{"a":20,"b":22}';

test("a schedule is made, shown, paused, resumed and deleted", async () => {
  const times = ["--cron", "0 3 * * *", "--time-zone", "Europe/Berlin", "--jitter", "30s", "--catch-up", "2h"];
  const put = await json("schedule", "put", "nightly", "add", ...times, "--input", input, "--overlap", "queueone");
  expect(put).toMatchObject({
    created: true,
    schedule: { overlap: "queueOne", jitterMs: 30_000, catchUpMs: 7_200_000 },
  });
  expect((await run("schedule", "get", "nightly")).out).toMatch(
    /0 3 \* \* \* Europe\/Berlin\nsubmits +add\noverlap +queueOne\nnext +20/,
  );
  expect((await run("schedule", "list")).out).toMatch(/^SCHEDULE.*\nnightly +0 3/);
  expect((await run("schedule", "pause", "nightly", "--reason", "holidays")).out).toContain("paused    yes holidays");
  expect(await json("schedule", "list", "--paused", "--prefix", "night")).toMatchObject([{ name: "nightly" }]);
  expect((await run("schedule", "list", "--prefix", "other")).out).toBe("No schedules.\n");
  expect((await run("schedule", "resume", "nightly")).out).not.toContain("paused");
  expect((await run("schedule", "delete", "nightly")).out).toBe("Deleted.\n");
  expect((await run("schedule", "delete", "nightly")).out).toBe("There was no schedule of this name.\n");
  const gone = await run("schedule", "get", "nightly");
  expect([gone.exitCode, gone.err]).toEqual([1, expect.stringContaining('none has the name "nightly"')]);
});

test("a schedule is fired by hand and backfilled, and its jobs and firings are found", async () => {
  await json("schedule", "put", "daily", "add", "--every", "1d", "--input", input, "--overlap", "allow", "--paused");
  const { jobId } = await json("schedule", "fire", "daily", "--idempotency-key", "once");
  expect(await json("schedule", "fire", "daily", "--idempotency-key", "once")).toMatchObject({ jobId });
  expect(await json("job", "wait", jobId)).toMatchObject([{ state: "SUCCEEDED", output: 42 }]);
  expect((await run("job", "get", jobId)).out).toContain("trigger   manual of daily");
  const range = ["--from", "2026-11-01", "--until", "2026-11-04"];
  expect((await run("schedule", "backfill", "daily", ...range)).out).toMatch(
    /^FOR[\s\S]*SUBMITTED[\s\S]*\n3 fired now/,
  );
  expect(await json("schedule", "backfill", "daily", ...range)).toMatchObject({ fired: 0, firings: [{}, {}, {}] });
  expect(await json("schedule", "firings", "daily")).toHaveLength(4);
  const succeeded = (await json("schedule", "firings", "daily")).filter(
    (one: { jobId: string }) => one.jobId === jobId,
  );
  expect(succeeded).toMatchObject([{ outcome: "SUBMITTED", jobState: "SUCCEEDED" }]);
  expect((await run("schedule", "get", "daily")).out).toMatch(/\nlast +SUBMITTED .*(QUEUED|RUNNING|SUCCEEDED)\n/);
  expect((await run("schedule", "firings", "daily", "--outcome", "missed")).out).toBe("No firings.\n");
  const scheduled = await json("job", "list", "--triggered-by", "schedule", "--schedule", "daily");
  expect(scheduled).toHaveLength(3);
  expect((await run("job", "get", scheduled[0].id)).out).toMatch(
    /trigger +schedule of daily for 2026-11-0.* backfill\n/,
  );
});

test("a schedule fires when its time comes", async () => {
  await json("schedule", "put", "ticks", "add", "--every", "1s", "--input", input, "--overlap", "skip");
  const [firing] = await vi.waitFor(async () => {
    const firings = await json("schedule", "firings", "ticks", "--outcome", "submitted");
    expect(firings).not.toEqual([]);
    return firings;
  }, WAIT);
  expect(await json("job", "wait", firing.jobId)).toMatchObject([{ state: "SUCCEEDED" }]);
  expect((await run("schedule", "pause", "ticks")).out).toMatch(/last +(SUBMITTED|SKIPPED) 20/);
});
test("a trigger is made, and fires for an event that is published", async () => {
  const rule = ["--on", "sum.*", "--when", "event.payload.a > 1", "--input", '{"a": event.payload.a, "b": 1.0}'];
  expect((await run("trigger", "put", "sums", "add", ...rule)).out).toMatch(/^trigger +sums\non +sum\.\*\nwhen/);
  expect((await run("trigger", "list")).out).toMatch(/^TRIGGER.*\nsums +sum/);
  expect((await run("event", "publish", "sum.asked", "-p", '{"a":41}', "--id", "ask", "--metadata", "by=me")).out).toBe(
    "ask\n",
  );
  const event = await vi.waitFor(async () => {
    const found = await json("event", "get", "ask");
    expect(found).toMatchObject({ matched: true, metadata: { by: "me" } });
    return found;
  }, WAIT);
  expect(await json("job", "wait", event.firings[0].jobId)).toMatchObject([
    { output: 42, trigger: { eventId: "ask" } },
  ]);
  expect((await run("event", "get", "ask")).out).toMatch(/ask +sum\.asked +PUBLISHED[\s\S]*\{"a":41\}[\s\S]*SUBMITTED/);
  expect(await json("event", "list", "--key", "sum.**", "--source", "published")).toMatchObject([{ id: "ask" }]);
  expect((await run("event", "list", "--key", "other")).out).toBe("No events.\n");
  expect((await run("event", "replay", "ask", "--trigger", "sums")).out).toBe("1 published again.\n");
  await vi.waitFor(async () => expect(await json("trigger", "firings", "sums")).toHaveLength(2), WAIT);
  expect(
    (await run("job", "list", "--trigger", "sums", "--triggered-by", "event")).out.trim().split("\n"),
  ).toHaveLength(3);
  expect((await run("trigger", "delete", "sums")).out).toBe("Deleted.\n");
});
