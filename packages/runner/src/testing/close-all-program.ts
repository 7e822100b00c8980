// Uses a server, a runner, a client and a query client over the HTTP version it is given, closes them, and returns: what
// they left open would keep the process alive.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueryClient } from "@spanloom/query";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { Runner } from "../runner.ts";

const httpVersion = process.argv[2] === "1.1" ? "1.1" : "2";
const dataDir = await mkdtemp(join(tmpdir(), "spanloom-close-"));
const server = await startServer({ dataDir, port: 0 });
const { url } = server;
const add = task({ name: "add", run: (a: number, ctx) => ctx.span("sum", () => a + 1) });
const runner = new Runner({ url, tasks: [add], httpVersion });
await runner.start();
const client = new Client({ url, httpVersion });
const job = await client.jobs.submit(add, 1);
const states: string[] = [];
for await (const { state } of job.watch()) states.push(state);
const output = await job.result({ timeoutMs: 600_000 });
for await (const _ of (await client.jobs.submit(add, 2)).watch()) break;
const spans = (await new QueryClient({ url }).spans({ job: job.id }).toArrow()).numRows;
client.close();
await runner.stop();
await server.stop();
await rm(dataDir, { recursive: true });
console.log(JSON.stringify({ last: states.at(-1), output, spans }));
