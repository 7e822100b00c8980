import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from "@spanloom/protocol/otlp";
import { QueryClient } from "@spanloom/query";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ExportOutcome } from "../export/export-rows.ts";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";
import { type Counted, exporterFromEnv } from "../testing/counting-exporter.ts";

const step = task({
  name: "step",
  async run({ n }: { n: number }, ctx): Promise<number> {
    await ctx.span("work", (span) => span.setAttributes({ n, ratio: 0.5, list: ["a", "b"] }));
    ctx.log.info("stepped", { n });
    return n;
  },
});

let folder: string;
let server: RunningServer;
let runner: Runner;
const jobs: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-export-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  runner = new Runner({ url: server.url, tasks: [step], registerGlobalTracing: false });
  await runner.start();
  using client = new Client({ url: server.url });
  for (const n of [1, 2]) jobs.push((await client.jobs.submit(step, { n })).id);
  for (const id of jobs) await client.jobs.wait(id);
  backend.listen(0, "127.0.0.1");
  await once(backend, "listening");
  url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
});
afterAll(async () => {
  backend.closeAllConnections();
  backend.close();
  await runner?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

let url: string;
/** Names of what the backend took, and what it answers instead of taking; the first answer is for the first request. */
let taken: { spans: string[]; logs: number };
let answers: (number | Uint8Array)[];
beforeEach(() => {
  taken = { spans: [], logs: 0 };
  answers = [];
});

const backend = createServer(async (request, response) => {
  const body = await buffer(request);
  const answer = answers.shift() ?? 200;
  if (typeof answer === "number" && answer !== 200) return response.writeHead(answer).end();
  if (request.url === "/v1/traces") {
    const { resourceSpans } = fromBinary(ExportTraceServiceRequestSchema, body);
    for (const { scopeSpans } of resourceSpans)
      for (const { spans } of scopeSpans)
        taken.spans.push(...spans.map(({ name, spanId }) => `${name} ${Buffer.from(spanId).toString("hex")}`));
  } else {
    const { resourceLogs } = fromBinary(ExportLogsServiceRequestSchema, body);
    taken.logs += resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)).length;
  }
  return response
    .writeHead(200, { "content-type": "application/x-protobuf" })
    .end(typeof answer === "number" ? undefined : answer);
});

async function run(...args: string[]) {
  const env = { SPANLOOM_URL: server.url, OTEL_EXPORTER_OTLP_COMPRESSION: "none" };
  const context = capturedContext({ env, nowMs: Date.now });
  const exitCode = await runCli(["export", ...args], context);
  return { exitCode, out: context.out(), err: context.err() };
}

test("spans and log records of a job come to an endpoint as they were stored", async () => {
  const { exitCode, out, err } = await run(jobs[0]!, "--to", url, "--json");
  expect([exitCode, err]).toEqual([0, ""]);
  const destination = `${url}/v1/traces ${url}/v1/logs`;
  const outcome: ExportOutcome = { exporter: "otlp", destination, spans: 4, logRecords: 1, rejected: 0, refusal: "" };
  expect(JSON.parse(out)).toEqual(outcome);
  const stored = await new QueryClient({ url: server.url }).spans({ job: jobs[0]! }).toArrow();
  const ids = [...stored].map(({ name, span_id }) => `${name} ${span_id}`);
  expect(taken.spans.toSorted()).toEqual(ids.toSorted());
  expect(taken.logs).toBe(1);
});

test("of a range of time everything comes, or one kind, or what conditions leave", async () => {
  await run("--since", "1h", "--to", url);
  expect([taken.spans.length, taken.logs]).toEqual([8, 2]);
  await run("--since", "1h", "--only", "logs", "--to", url);
  expect([taken.spans.length, taken.logs]).toEqual([8, 4]);
  await run("--attr", "n=2", "--to", url);
  expect([taken.spans.at(-1)?.split(" ")[0], taken.spans.length, taken.logs]).toEqual(["work", 9, 5]);
  const { out } = await run("--until", "1h", "--to", url);
  expect(out).toContain("Sent 0 spans and 0 log records to otlp");
});

test("a backend that is away for a moment gets it all the same", async () => {
  answers = [503, 200, 503];
  const { exitCode } = await run(jobs[0]!, "--to", url);
  expect([exitCode, taken.spans.length, taken.logs]).toEqual([0, 4, 1]);
});

test("what a backend refuses of what it takes is told, and makes the exit code 1", async () => {
  const answer = create(ExportTraceServiceResponseSchema, {
    partialSuccess: { rejectedSpans: 1n, errorMessage: "too old" },
  });
  answers = [toBinary(ExportTraceServiceResponseSchema, answer)];
  const { exitCode, out, err } = await run("--since", "1h", "--to", url);
  expect([exitCode, err]).toEqual([1, ""]);
  expect(out).toMatch(/Sent 8 spans and 2 log records .*; it refused 1 of them: .*too old/);
});

test("an export that failed goes on where it was, and keeps no file at its end", async () => {
  const file = join(folder, "resume.json");
  answers = [200, 401];
  const first = await run("--since", "1h", "--to", url, "--resume", file);
  expect(first.exitCode).toBe(1);
  expect(first.err).toMatch(/Sent 8 spans and 0 log records .* before it stopped; the same command goes on there/);
  expect(first.err).toMatch(/cannot export to otlp: .*401/);
  const { spans } = JSON.parse(await readFile(file, "utf8")) as { spans: string };
  expect(BigInt(spans)).toBeGreaterThan(0n);

  const other = await run("--since", "2h", "--to", url, "--resume", file);
  expect([other.exitCode, other.err]).toEqual([2, expect.stringContaining("it is of another export")]);

  taken = { spans: [], logs: 0 };
  const second = await run("--since", "1h", "--to", url, "--resume", file);
  expect([second.exitCode, taken.logs]).toEqual([0, 2]);
  // Those that began with the last one are sent again: the backend knows them by their ids.
  expect(taken.spans.length).toBeLessThan(8);
  expect(existsSync(file)).toBe(false);
});

test("a module's exporter is told of each batch, and shut down", async () => {
  const module = join(import.meta.dirname, "..", "testing", "counting-exporter.ts");
  const { name } = exporterFromEnv();
  const { exitCode, out } = await run("--since", "1h", "--to", module);
  expect([exitCode, out]).toEqual([0, `Sent 8 spans and 2 log records to ${name}\n`]);
  const counted: Counted = { batches: 2, shutdowns: 1 };
  expect((globalThis as { counted?: Counted }).counted).toEqual(counted);
});

test.each([
  [
    ["x", "--to", "nothing"],
    'cannot use exporter "nothing": it is not installed; run npm install @spanloom/exporter-nothing',
  ],
  [["x"], "--to <where>"],
  [["x", "--to", "grpc://127.0.0.1:4317"], 'cannot use --to "grpc://127.0.0.1:4317": a URL must begin with http://'],
  [["x", "--to", "http://127.0.0.1:9", "--only", "metrics"], "Allowed choices are spans, logs"],
  [["x", "--to", "http://127.0.0.1:9", "--retry-for", "soon"], 'cannot use --retry-for "soon"'],
  [["x", "--to", "http://127.0.0.1:9", "--resume", "/dev/null/x"], 'cannot read --resume "/dev/null/x"'],
])("%j is not understood", async (args, message) => {
  const { exitCode, err } = await run(...args);
  expect([exitCode, err]).toEqual([2, expect.stringContaining(message)]);
});
