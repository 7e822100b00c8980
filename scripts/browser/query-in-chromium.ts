import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { QueryClient } from "@spanloom/query";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BrowserPage } from "./browser-page.ts";
import { bundlePage } from "./bundle-page.ts";
import { findChromium } from "./find-chromium.ts";

const root = path.dirname(path.dirname(import.meta.dirname));
const token = "secret";
const startNs = BigInt(Date.now()) * 1_000_000n + 1n;

const traceId = "5b8efff798038103d269b633813fc60c";
const spans = Array.from({ length: 40 }, (_, n) => ({
  traceId,
  spanId: (n + 1).toString(16).padStart(16, "0"),
  name: n % 2 === 0 ? "even" : "odd 😀",
  startTimeUnixNano: String(startNs + BigInt(n)),
  endTimeUnixNano: n === 1 ? "0" : String(startNs + BigInt(n + 1000)),
  attributes: [{ key: "n", value: { intValue: String(n) } }],
}));
const logRecords = ["hello", "farewell"].map((body) => ({
  timeUnixNano: String(startNs),
  body: { stringValue: body },
}));

let folder: string;
let server: RunningServer;
let page: BrowserPage;
let origin: string;
let here: QueryClient;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "spanloom-browser-"));
  const built = await bundlePage(root, folder, path.join(import.meta.dirname, "page-program.ts"));
  page = new BrowserPage({ chromium: findChromium(process.env) ?? "chromium", folder: built });
  origin = await page.start();
  server = await startServer({ dataDir: path.join(folder, "data"), token, corsOrigins: [origin] });
  await send("/v1/traces", { resourceSpans: [{ scopeSpans: [{ spans }] }] });
  await send("/v1/logs", { resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
  here = new QueryClient({ url: server.url, token });
  page.open(origin, { url: server.url, token });
});

afterAll(async () => {
  await page?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function send(where: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const answer = await fetch(server.url + where, { method: "POST", headers, body: JSON.stringify(body) });
  expect([answer.status, await answer.text()]).toEqual([200, "{}"]);
}

const found = async (name: string) => JSON.parse(String(await page.result(name)));

describe("@spanloom/query in a page in Chromium", () => {
  it("gets Arrow tables with their types, to the nanosecond", async () => {
    expect(await found("table")).toEqual({
      columns: [
        "name: Dictionary<Int32, Utf8>",
        "start_time: Timestamp<NANOSECOND, UTC>",
        "end_time: Timestamp<NANOSECOND, UTC>",
        "duration_ns: Int64",
        "n: Int64",
      ],
      rows: [
        ["even", false, "1000n", "0n"],
        ["odd 😀", true, null, "1n"],
        ["even", false, "1000n", "2n"],
      ],
      startNs: [0n, 1n, 2n].map((n) => `${startNs + n}n`),
    });
  });

  it("gets data frames, streams, aggregates and logs", async () => {
    expect(await found("frame")).toEqual(["even", "odd 😀"]);
    expect(await found("stream")).toBe(40);
    expect(await found("aggregate")).toEqual([
      { name: "even", count: "20n", p50_ns: "1000n" },
      { name: "odd 😀", count: "20n", p50_ns: "1000n" },
    ]);
    expect(await found("logs")).toEqual([{ body: "hello" }]);
  });

  it("draws", async () => {
    const { waterfall, names } = await found("drawing");
    expect(waterfall).toContain("40 spans, 1 open");
    expect(names.sort()).toEqual(["even", "odd 😀"]);
  });

  it("needs no eval; what compiles Arquero's expressions does", async () => {
    const message = expect.stringContaining("'unsafe-eval' is not an allowed source of script");
    expect(await found("grouped")).toEqual({ error: { message } });
  });

  it.each(["csv", "jsonl", "arrow", "perfetto.json", "otlp.json"] as const)(
    "makes the file of format %s that Node makes",
    async (format) => {
      const file = path.join(folder, `spans.${format}`);
      await here.spans().toFile(file);
      expect((await page.result(`file.${format}`)).equals(readFileSync(file))).toBe(true);
    },
  );

  it("says what it cannot do, and what the server refuses", async () => {
    const cannotWrite = expect.stringMatching(/^cannot write /);
    expect(await found("parquet")).toEqual({ error: { message: cannotWrite, reason: "INVALID_STATE" } });
    expect(await found("file")).toEqual({ error: { message: cannotWrite, reason: "INVALID_STATE" } });
    const unknown = expect.stringContaining('"nothing"');
    expect(await found("column")).toEqual({ error: { message: unknown, reason: "UNSUPPORTED_QUERY" } });
    const message = expect.stringContaining("its bearer token is not known");
    expect(await found("token")).toEqual({ error: { message, reason: "UNAUTHENTICATED" } });
  });

  it("asks the page's own server when none is named", async () => {
    expect(await found("own")).toBe(origin);
  });
});
