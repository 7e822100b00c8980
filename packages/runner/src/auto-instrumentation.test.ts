import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { attemptSpanId } from "@spanloom/protocol";
import { QueryClient } from "@spanloom/query";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { afterEach, describe, expect, it } from "vitest";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Starts a program with HTTP instrumentations; gives its first line that matches. */
async function startProgram(name: string, args: string[], wanted: RegExp): Promise<string> {
  const file = (program: string) => join(import.meta.dirname, "testing", program);
  const child: ChildProcess = spawn(
    process.execPath,
    ["--import", file("instrument-http-program.ts"), file(name), ...args],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exited = once(child, "exit");
  cleanups.push(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  for await (const line of createInterface(child.stdout!)) if (wanted.test(line)) return line;
  throw new Error(`${name} ended before it printed ${wanted}`);
}

const call = task({ name: "call", run: (_: { target: string }): string[] => [] });

interface Row {
  name: string;
  kind: string;
  span_id: string;
  parent_span_id: string;
  service_name: string;
  task_id: string;
}

describe.each(["Spanloom's", "application's"])("HTTP instrumentations with the %s tracer provider", (provider) => {
  it("hang a request under its attempt, its server's span under it, and leave the runner's own calls out", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "spanloom-instrumented-"));
    cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
    const server = await startServer({ dataDir, port: 0 });
    cleanups.push(() => server.stop());
    const client = new Client({ url: server.url });
    cleanups.push(() => client.close());
    const port = await startProgram("traced-http-server-program.ts", [`${server.url}/v1/traces`], /^\d+$/);
    await startProgram("instrumented-runner-program.ts", [server.url, provider], /is ready/);

    const target = `http://127.0.0.1:${port}/`;
    const job = await client.jobs.submit(call, { target });
    const seenByApplication = await job.result();
    await (await fetch(target)).text();

    const table = await new QueryClient({ url: server.url }).spans({ job: job.id, type: "user" }).toArrow();
    const rows = table.toArray().map((row) => (row as { toJSON(): Row }).toJSON());
    const byId = new Map(rows.map((row) => [row.span_id, row]));
    const taskId = rows[0]!.task_id;
    const pathOf = (row: Row): string => {
      const parent = byId.get(row.parent_span_id);
      const above = parent ? pathOf(parent) : row.parent_span_id === attemptSpanId(taskId, 1) ? "attempt" : "nowhere";
      return `${above} > ${row.kind} ${row.name}${row.service_name === "callee" ? " of the callee" : ""}`;
    };
    expect(rows.map(pathOf).sort()).toEqual([
      "attempt > INTERNAL by fetch",
      "attempt > INTERNAL by fetch > CLIENT GET",
      "attempt > INTERNAL by fetch > CLIENT GET > SERVER GET of the callee",
      "attempt > INTERNAL by http",
      "attempt > INTERNAL by http > CLIENT GET",
      "attempt > INTERNAL by http > CLIENT GET > SERVER GET of the callee",
    ]);
    expect(seenByApplication).toEqual(provider === "application's" ? ["GET", "by fetch", "GET", "by http"] : []);
  });
});
