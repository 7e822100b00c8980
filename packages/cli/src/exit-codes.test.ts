import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EventService, JobService, JobState, SpanloomError, toConnectError } from "@spanloom/protocol";
import { waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cannedAnswers } from "./testing/canned-answers.ts";
import { type CannedServer, startCannedServer } from "./testing/canned-server.ts";

const bin = join(import.meta.dirname, "bin", "spanloom.ts");
const id = (n: number) => `01900000-0000-7000-8000-${String(n).padStart(12, "0")}`;

let server: CannedServer;
/** Asks for a token, never tells of an end, and has more jobs than a pipe holds. */
let other: CannedServer;
let polls = 0;

beforeAll(async () => {
  server = await startCannedServer(cannedAnswers);
  const job = { id: id(1), name: "x".repeat(250), state: JobState.RUNNING };
  other = await startCannedServer(({ service }) => {
    service(JobService, {
      getJob: () => ({ job }),
      listJobs: () => ({ jobs: Array.from({ length: 5_000 }, () => job) }),
      waitJobs: async (_, { signal }) => {
        polls++;
        await once(signal, "abort");
        return {};
      },
    });
    service(EventService, {
      listEvents: () => {
        throw toConnectError(new SpanloomError("UNAUTHENTICATED", "cannot serve the call: no token was sent"));
      },
    });
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the program; `stop` is sent once it waits for a job. */
async function program(args: string[], { url, stop, env = {} }: Options): Promise<Ended> {
  const { PATH } = process.env;
  const child = spawn(process.execPath, [bin, ...args], { env: { PATH, SPANLOOM_URL: url, ...env } });
  const ended = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (ended.out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (ended.err += data.toString()));
  const closed = once(child, "close") as Promise<[number | null]>;
  if (stop) {
    const before = polls;
    await waitFor(() => polls > before, { what: "a call that waits" });
    child.kill(stop);
  }
  const [code] = await closed;
  return { code, ...ended };
}

interface Options {
  url?: string;
  stop?: NodeJS.Signals;
  env?: Record<string, string>;
}

/** Each code with what gives it. */
const cases: [
  code: number,
  what: string,
  args: string[],
  options: (servers: { url: string; other: string }) => Options,
][] = [
  [0, "a job that succeeded", ["job", "wait", id(1)], ({ url }) => ({ url })],
  [1, "a job that failed", ["job", "wait", id(1), id(2)], ({ url }) => ({ url })],
  [2, "an option that there is not", ["job", "list", "--nonsense"], ({ url }) => ({ url })],
  [2, "a configuration that is none", ["job", "list"], () => ({ url: "ftp://x" })],
  [2, "a port that is none", ["server"], () => ({ env: { SPANLOOM_PORT: "abc" } })],
  [3, "no server", ["job", "list"], () => ({ url: "http://127.0.0.1:9" })],
  [4, "no token", ["event", "list"], (servers) => ({ url: servers.other })],
  [5, "a time that is up", ["job", "wait", id(1), "--timeout", "50ms"], (servers) => ({ url: servers.other })],
  [130, "Ctrl-C", ["job", "wait", id(1)], (servers) => ({ url: servers.other, stop: "SIGINT" })],
  [143, "SIGTERM", ["job", "wait", id(1)], (servers) => ({ url: servers.other, stop: "SIGTERM" })],
];

test.each(cases)("the exit code is %i for %s", async (code, _, args, options) => {
  const ended = await program(args, options({ url: server.url, other: other.url }));
  expect(ended).toMatchObject({ code });
  // Who stopped it knows that, and where all is well there is nothing to say.
  if ([0, 1, 130, 143].includes(code)) expect(ended.err).toBe("");
  else expect(ended.err).toMatch(/^(cannot|unknown) /);
  if (code > 1) expect(ended.out).toBe("");
});

test("every code that docs/cli.md tells of is held by a test, and no other", () => {
  const page = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
  const documented = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(documented).toEqual([...new Set(cases.map(([code]) => code))]);
});

test("who reads no further ends a command quietly, with 0", async () => {
  const line = `'${process.execPath}' '${bin}' job list --limit 5000 --json | head -c 1; echo " \${PIPESTATUS[0]}"`;
  const env = { PATH: process.env.PATH, SPANLOOM_URL: other.url };
  const child = spawn("bash", ["--norc", "-c", line], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (ended.out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (ended.err += data.toString()));
  await once(child, "close");
  expect(ended).toEqual({ out: "[ 0\n", err: "" });
});

test("a standard error that nobody reads changes nothing of the exit code", () => {
  const { status } = spawnSync("bash", [
    "--norc",
    "-c",
    `'${process.execPath}' '${bin}' job list --url http://127.0.0.1:9 2>&-`,
  ]);
  expect(status).toBe(3);
});
