import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shownPage } from "./testing/shown-page.ts";

let folder: string;
let server: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-golden-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  for (const [path, body] of [
    ["traces", tracesOf(jobs[0]!, 1)],
    ["traces", tracesOf(jobs[1]!, 3)],
    ["logs", logs()],
  ] as const) {
    const headers = { "content-type": "application/json" };
    const sent = await fetch(`${server.url}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    expect(sent.status).toBe(200);
  }
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const jobs = ["01900000-0000-7000-8000-0000000000a1", "01900000-0000-7000-8000-0000000000a2"];
/** Far off, so that nothing of it is too old to be kept. */
const startNs = BigInt(Date.parse("2200-01-01T00:00:00Z")) * 1_000_000n;
const attribute = (key: string, value: string | number) => ({
  key,
  value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
});

interface SentSpan {
  id: number;
  parent?: number;
  name: string;
  type?: string;
  /** Milliseconds from the job's start, at a slowness of one. */
  from: number;
  to: number;
  error?: string;
  more?: Record<string, string | number>;
}

const spans: SentSpan[] = [
  { id: 1, name: "job 夜のレポート", type: "job", from: 0, to: 1_900, more: { "spanloom.outcome": "failure" } },
  { id: 2, parent: 1, name: "task load", type: "task", from: 0, to: 900, more: { "spanloom.outcome": "success" } },
  { id: 3, parent: 2, name: "load", type: "attempt", from: 100, to: 900, more: { "spanloom.outcome": "success" } },
  {
    id: 4,
    parent: 3,
    name: "download a very long name of a file that no terminal is wide enough for",
    from: 120,
    to: 640,
  },
  { id: 5, parent: 3, name: "parse", from: 650, to: 880 },
  { id: 6, parent: 1, name: "task 送る", type: "task", from: 900, to: 1_900, more: { "spanloom.outcome": "failure" } },
  { id: 7, parent: 6, name: "送る", type: "attempt", from: 950, to: 1_850, error: "the other side hung up" },
];

function tracesOf(job: string, slowness: number): object {
  const traceId = job.replaceAll("-", "");
  const at = (ms: number) => String(startNs + BigInt(ms * slowness) * 1_000_000n);
  const idOf = (n: number) => `${job.slice(-2)}${String(n).padStart(14, "0")}`;
  const sent = spans.map(({ id, parent, name, type, from, to, error, more = {} }) => ({
    traceId,
    spanId: idOf(id),
    ...(parent && { parentSpanId: idOf(parent) }),
    name,
    startTimeUnixNano: at(from),
    endTimeUnixNano: at(to),
    status: error ? { code: 2, message: error } : { code: type === "job" ? 2 : 1 },
    attributes: [
      attribute("spanloom.job.id", job),
      ...(type ? [attribute("spanloom.span.type", type)] : []),
      ...(type === "attempt" ? [attribute("spanloom.task.attempt", 1)] : []),
      ...Object.entries(more).map(([key, value]) => attribute(key, value)),
    ],
  }));
  return { resourceSpans: [{ resource: {}, scopeSpans: [{ spans: sent }] }] };
}

function logs(): object {
  const record = (ms: number, [severityNumber, severityText, body]: [number, string, string], more: object[] = []) => ({
    traceId: jobs[0]!.replaceAll("-", ""),
    timeUnixNano: String(startNs + BigInt(ms) * 1_000_000n),
    severityNumber,
    severityText,
    body: { stringValue: body },
    attributes: [attribute("spanloom.job.id", jobs[0]!), ...more],
  });
  const logRecords = [
    record(130, [9, "INFO", "downloading"], [attribute("spanloom.task.name", "load"), attribute("url", "https://x")]),
    record(660, [13, "WARN", "行が長い: a line\nwith another below"]),
    record(1_840, [17, "ERROR", "the other side hung up"], [attribute("code", 54)]),
  ];
  return { resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords }] }] };
}

test.each([
  [
    "spans",
    [
      [],
      ["--format", "tree"],
      ["--format", "summary"],
      ["--format", "table"],
      ["--columns", "name,duration_ns,status"],
      ["--type", "attempt", "--follow"],
    ],
  ],
  ["logs", [[], ["--min-severity", "warn"], ["--follow"]]],
  ["critical-path", [[], ["--spans", "--max-rows", "3"]]],
])("what %s draws, on terminals and elsewhere", async (command, flags) => {
  const lines = flags.map((each) => [command, jobs[0]!, ...each]);
  await expect(await shownPage(lines, server.url)).toMatchFileSnapshot(`../testdata/text/${command}.txt`);
});

test("what compare prints, on terminals and elsewhere", async () => {
  const page = await shownPage([["compare", ...jobs]], server.url);
  await expect(page).toMatchFileSnapshot("../testdata/text/compare.txt");
});
