import { afterAll, beforeAll, expect, test } from "vitest";
import { capturedRun } from "./testing/captured-run.ts";
import { type Lie, LyingProxy } from "./testing/lying-proxy.ts";
import { ServerProcess } from "./testing/server-process.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Names of the cases of a suite that fail when a server lies so. */
async function failuresOf(suite: string, lie: Lie, ...more: string[]): Promise<string[]> {
  await using proxy = await LyingProxy.start(server.url, lie);
  const args = ["--url", proxy.url, "--protocol", "json", "--suite", suite, "--json", "--patience", "5", ...more];
  const { stdout } = await capturedRun("server", ...args);
  const report = JSON.parse(stdout) as { results: { name: string; outcome: string }[] };
  return report.results.filter(({ outcome }) => outcome === "failed").map(({ name }) => name);
}

test("a server that makes a job for every submission fails the cases about idempotency, and no others", async () => {
  const lie = { call: "/SubmitJob", request: (text: string) => text.replace(/"idempotencyKey":"[^"]*",?/, "") };
  expect((await failuresOf("submission", lie)).sort()).toEqual([
    "Of submissions under one key at the same time one makes the job",
    "The same key returns the job also after it has ended",
    "The same key with another request is refused and names the job",
    "The same key with the same request returns the same job",
  ]);
});

test("a server that takes stale results fails the cases about fencing", async () => {
  const lie = { call: "/LeaseTasks", answer: (text: string) => text.replaceAll("STATUS_STALE_LEASE", "STATUS_OK") };
  expect((await failuresOf("results", lie)).sort()).toEqual([
    "A result after the lease was lost is stale and changes nothing",
    "Of two runners that report one attempt the holder of the token wins",
    "Results are acknowledged each by itself and in order",
  ]);
});

test("a server that loses the telemetry of results fails the cases about that", async () => {
  const request = (text: string) => JSON.stringify({ ...JSON.parse(text), telemetry: undefined });
  expect((await failuresOf("telemetry", { call: "/LeaseTasks", request })).sort()).toEqual([
    "A span that is sent twice is stored once, in its later version",
    "A user span is stored as sent, below its attempt",
    "Log records have the columns of their attempt, and severity, body and attributes as sent",
    "No span of a runner starts before its attempt or ends before it starts",
    "Telemetry that cannot be stored is told, and the results are taken all the same",
    "Who sees a job ended finds every span and log record that came with its results",
  ]);
});

test("a server that does not tell a poll of cancellations fails the case about that", async () => {
  const lie = { call: "/LeaseTasks", answer: (text: string) => text.replace(/"cancellations":\[[^\]]*\],?/, "") };
  const failed = await failuresOf("steering", lie, "--case", "cancellation", "--case", "tried again");
  expect(failed).toEqual(["A poll that waits tells its runner of a cancellation within a second"]);
});
