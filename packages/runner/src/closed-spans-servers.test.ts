import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { QueryClient } from "@spanloom/query";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { type PlainSpan, plainSpans, TestClickHouse, TestPostgres, tempDir } from "@spanloom/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Runner } from "./runner.ts";
import { RecordingExporter } from "./testing/recording-exporter.ts";

let postgres: TestPostgres;
let clickhouse: TestClickHouse;
beforeAll(async () => {
  [postgres, clickhouse] = await Promise.all([TestPostgres.start(), TestClickHouse.start()]);
});
afterAll(() => Promise.all([postgres.stop(), clickhouse.stop()]));

it("exporters of runners at two servers are given the whole tree between them, every span but attempts once", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(tempDir("spanloom-closed-"));
  const databaseUrl = await postgres.createDatabase("closed_spans");
  const servers = await Promise.all(
    ["a", "b"].map((name) =>
      startServer({ dataDir: join(dir.path, name), port: 0, databaseUrl, clickhouseUrl: clickhouse.url }),
    ),
  );
  for (const server of servers) stack.use(server);
  const urls = servers.map(({ url }) => url) as [string, string];

  const leaf = task({
    name: "leaf",
    retry: { maxAttempts: 3, initialDelayMs: 1 },
    run: (n: number, { attempt }) => {
      if (n % 3 === 0 && attempt === 1) throw new Error("not yet");
    },
  });
  const root = task({
    name: "root",
    run: (_: undefined, ctx) => {
      const numbers = Array.from({ length: 20 }, (_, i) => i);
      for (const queue of ["left", "right"]) ctx.submitMany(leaf, numbers, { queue });
    },
  });
  const backends = urls.map(() => new RecordingExporter());
  const runners = urls.map((url, i) => {
    const queues = i === 0 ? ["default", "left"] : ["right"];
    return new Runner({ url, tasks: [root, leaf], queues, exporters: [backends[i]!], registerGlobalTracing: false });
  });
  for (const runner of runners) {
    stack.use(runner);
    await runner.start();
  }
  const client = stack.use(new Client({ url: urls[1] }));
  const job = await client.jobs.submit(root);
  expect((await job.wait()).state).toBe("SUCCEEDED");
  await Promise.all(runners.map((runner) => runner.stop()));

  const file = join(dir.path, "stored.otlp.jsonl");
  await new QueryClient({ url: urls[0] }).spans({ job: job.id }).toFile(file);
  const stored = plainSpans(
    (await readFile(file, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
  const sent = new Map<string, PlainSpan[]>();
  for (const [id, versions] of backends.flatMap(({ spans }) => [...spans])) {
    sent.set(id, [...(sent.get(id) ?? []), ...versions]);
  }
  expect(new Map([...sent].map(([id, versions]) => [id, versions.slice(0, 1)]))).toEqual(stored);
  // Whichever server wakes a task, or ends a child of it, tells of the attempts before, too; of all else there is one.
  const twice = [...sent.values()].filter(({ length }) => length > 1);
  const attempt = JSON.stringify({ stringValue: "attempt" });
  expect(twice.map(([first]) => first!.attributes["spanloom.span.type"])).toEqual(twice.map(() => attempt));
});
