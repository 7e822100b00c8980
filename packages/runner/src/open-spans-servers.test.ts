import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { QueryClient } from "@spanloom/query";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { TestClickHouse, TestPostgres, tempDir, waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SwitchableProxy } from "./testing/switchable-proxy.ts";

const hold = task({ name: "hold", run: (_: { until: string }) => undefined });
const HOUR_MS = 3_600_000;

let postgres: TestPostgres;
let clickhouse: TestClickHouse;
beforeAll(async () => {
  [postgres, clickhouse] = await Promise.all([TestPostgres.start(), TestClickHouse.start()]);
});
afterAll(() => Promise.all([postgres.stop(), clickhouse.stop()]));

async function userSpans(url: string, jobId: string) {
  const columns = ["name", "start_time", "end_time"] as const;
  const table = await new QueryClient({ url }).spans({ job: jobId, type: "user", columns }).toArrow();
  return table.toArray().map((row) => ({ name: row.name, startMs: row.start_time, open: row.end_time === null }));
}

describe("a span that is open at one server and ends at another", () => {
  it.each([0, 3 * HOUR_MS, -3 * HOUR_MS])("is one span: with a clock that is off by %d ms", async (offMs) => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(tempDir());
    const databaseUrl = await postgres.createDatabase(`open_${offMs < 0 ? "behind" : offMs}`);
    const servers = await Promise.all(
      ["a", "b"].map((name) =>
        startServer({ dataDir: join(dir.path, name), port: 0, databaseUrl, clickhouseUrl: clickhouse.url }),
      ),
    );
    stack.defer(async () => void (await Promise.all(servers.map((server) => server.stop()))));
    const [a, b] = servers.map(({ url }) => url) as [string, string];
    const proxy = new SwitchableProxy(a);
    stack.defer(() => proxy.stop());
    const program = join(import.meta.dirname, "testing/open-span-program.ts");
    const env = { ...process.env, CLOCK_OFF_MS: String(offMs) };
    const child = spawn(process.execPath, [program, await proxy.start()], {
      stdio: ["ignore", "pipe", "inherit"],
      env,
    });
    const exited = once(child, "exit");
    stack.defer(async () => {
      child.kill("SIGKILL");
      await exited;
    });
    await once(child.stdout, "data");
    const client = new Client({ url: b });
    stack.defer(() => client.close());
    const until = join(dir.path, "go");
    const submittedMs = Date.now();
    const job = await client.jobs.submit(hold, { until });
    const open = await waitFor(
      async () => {
        const spans = await userSpans(b, job.id);
        return spans.filter((span) => span.open).length === 2 && spans;
      },
      { what: "two open spans" },
    );
    proxy.switchTo(b);
    await writeFile(until, "");
    await job.result();
    const ended = await userSpans(a, job.id);
    expect(ended.map(({ name, open: isOpen }) => [name, isOpen]).toSorted()).toEqual([
      ["inner", false],
      ["outer", false],
      ["short", false],
    ]);
    for (const { name, startMs } of ended) {
      expect(startMs).toBe(open.find((span) => span.name === name)!.startMs);
      expect(startMs).toBeGreaterThanOrEqual(submittedMs);
      expect(startMs).toBeLessThanOrEqual(Date.now());
    }
  });
});
