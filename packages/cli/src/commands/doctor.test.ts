import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { disk } from "../doctor/check-surroundings.ts";
import type { Report } from "../doctor/finding.ts";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";

let folder: string;
let server: RunningServer;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-doctor-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0, token: "secret", console: false });
  url = server.url;
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Surroundings {
  env?: Record<string, string>;
  nowMs?: () => number;
}

async function doctor(args: string[], { env = {}, nowMs = Date.now }: Surroundings = {}) {
  const context = capturedContext({ env: { SPANLOOM_DATA_DIR: join(folder, "absent"), ...env }, nowMs });
  const exitCode = await runCli(["doctor", ...args], context);
  return { exitCode, out: context.out(), err: context.err() };
}

async function checkup(env: Record<string, string>, nowMs?: () => number) {
  const { exitCode, out } = await doctor(["--json"], { env, ...(nowMs && { nowMs }) });
  const report = JSON.parse(out) as Report;
  const states = Object.fromEntries(report.checks.map(({ name, state }) => [name, state]));
  return { exitCode, report, states, check: (name: string) => report.checks.find((found) => found.name === name) };
}

test("a server that is well passes every check; without runners it says how to start one", async () => {
  const { exitCode, report, states, check } = await checkup({ SPANLOOM_URL: url, SPANLOOM_TOKEN: "secret" });
  expect(report.checks.filter(({ state }) => state === "failed")).toEqual([]);
  expect({ exitCode, ok: report.ok, url: report.url }).toEqual({ exitCode: 0, ok: true, url });
  expect(states).toMatchObject({ server: "ok", stores: "ok", clock: "ok", token: "ok", telemetry: "ok" });
  expect(check("runners")).toMatchObject({ state: "warning", hint: expect.stringContaining("spanloom runner") });
  expect(check("configuration")?.message).toContain("(SPANLOOM_URL), with a token");
});

test("a token that the server does not know is the one thing that failed", async () => {
  const { exitCode, states, check } = await checkup({ SPANLOOM_URL: url, SPANLOOM_TOKEN: "wrong" });
  expect(exitCode).toBe(1);
  expect(check("token")).toMatchObject({ state: "failed", hint: expect.stringContaining("SPANLOOM_TOKEN") });
  expect(states).toMatchObject({ server: "ok", stores: "ok", telemetry: "skipped", runners: "skipped" });
});

test("a clock that is an hour off is told of, with how far and where to", async () => {
  const { exitCode, check } = await checkup(
    { SPANLOOM_URL: url, SPANLOOM_TOKEN: "secret" },
    () => Date.now() - 3_600_000,
  );
  expect(exitCode).toBe(0);
  expect(check("clock")).toMatchObject({ state: "warning", message: expect.stringMatching(/ s ahead of this one$/) });
});

test("without a server the rest is skipped, for programs and for people", async () => {
  const { exitCode, states } = await checkup({ SPANLOOM_URL: "http://127.0.0.1:9" });
  expect(exitCode).toBe(1);
  expect(states).toMatchObject({ server: "failed", stores: "skipped", token: "skipped", runners: "skipped" });
  const { out } = await doctor(["--url", "http://127.0.0.1:9"]);
  expect(out).toContain("Start one with: spanloom server");
  expect(out).toContain("1 of 14 checks failed");
});

test("whether a server could start here is told: the port, and the disk", async () => {
  const other = createServer((_request, response) => response.writeHead(404).end("who?"));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const taken = (other.address() as AddressInfo).port;
  const asked = { SPANLOOM_URL: url, SPANLOOM_TOKEN: "secret" };
  const theirs = await checkup({ ...asked, SPANLOOM_PORT: String(taken) });
  other.close();
  await once(other, "close");
  expect(theirs.exitCode).toBe(0);
  expect(theirs.check("port")).toMatchObject({
    state: "warning",
    message: `another program has 127.0.0.1:${taken}`,
    hint: expect.stringContaining(`lsof -i :${taken}`),
  });
  expect((await checkup({ ...asked, SPANLOOM_PORT: String(taken) })).check("port")?.message).toContain("is free");
  const ours = await checkup({ ...asked, SPANLOOM_PORT: new URL(url).port });
  expect(ours.check("port")).toMatchObject({ state: "ok", message: expect.stringContaining("a Spanloom server has") });
  expect((await checkup({ ...asked, SPANLOOM_PORT: "seven" })).check("port")?.state).toBe("failed");
  expect(ours.check("disk")?.message).toMatch(/^[\d.]+ GiB of [\d.]+ are free for .*absent$/);
  expect(ours.check("console")).toMatchObject({ state: "ok", message: "none is served" });
});

test("where the console is, is told by the server's greeting", async () => {
  const other = createServer((request, response) => {
    response.end(
      request.url === "/healthz" ? "ok" : "Spanloom server 1.0.0\n\nConsole open this address in a browser\n",
    );
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const { check } = await checkup({ SPANLOOM_URL: address });
  other.close();
  other.closeAllConnections();
  expect(check("console")).toMatchObject({ state: "ok", message: `open ${address} in a browser` });
});

test.each([
  [2 ** 31, "ok", ""],
  [2 ** 29, "warning", "--retention-days"],
])("a disk with %i bytes is %s", (freeBytes, state, hint) => {
  expect(disk("/data", { freeBytes, allBytes: 2 ** 40 })).toMatchObject({ state, hint: expect.stringContaining(hint) });
});

test("another program at the address is no server", async () => {
  const other = createServer((_request, response) => response.writeHead(404).end("who?"));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { check } = await checkup({ SPANLOOM_URL: `http://127.0.0.1:${port}` });
  other.close();
  expect(check("server")).toMatchObject({
    state: "failed",
    message: expect.stringContaining("something else answers"),
  });
});
