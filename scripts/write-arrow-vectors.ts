/**
 * Writes conformance/vectors/spans.arrows and logs.arrows: what a server answers to queries for the spans and logs in
 * arrow.json, which it was sent as OTLP. Run it when docs/schema.md changes, and then the tests, which compare the
 * answers with the rows in arrow.json.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

const root = path.dirname(import.meta.dirname);
const folder = path.join(root, "conformance", "vectors");
const service = "spanloom.v1.QueryService";

const { source } = JSON.parse(readFileSync(path.join(folder, "arrow.json"), "utf8")) as {
  source: { traces: unknown; logs: unknown };
};
const data = mkdtempSync(path.join(tmpdir(), "spanloom-vectors-"));
const server = spawn(
  process.execPath,
  [
    path.join(root, "packages/server/src/bin/spanloom-server.ts"),
    "--data-dir",
    data,
    "--port",
    "0",
    "--retention-days",
    "10000",
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
try {
  const url = await listening(server);
  await post(`${url}/v1/traces`, source.traces);
  await post(`${url}/v1/logs`, source.logs);
  const filter = { traceIds: ["4bf92f3577b34da6a3ce929d0e0e4736"] };
  await save("spans.arrows", `${url}/${service}/QuerySpans`, { filter, orderBy: [{ column: "span_id" }] });
  await save("logs.arrows", `${url}/${service}/QueryLogs`, { filter, orderBy: [{ column: "time" }] });
} finally {
  server.kill();
  await new Promise((resolve) => server.once("exit", resolve));
  rmSync(data, { recursive: true, force: true });
}

async function listening({ stdout }: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: stdout! })) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url) return url;
  }
  throw new Error("cannot write the vectors: the server did not start");
}

async function post(url: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok || text.includes("rejected")) throw new Error(`cannot send to ${url}: ${answer.status} ${text}`);
}

/** Connect's server stream in JSON: each message is a byte of flags, four of its length, and itself. */
async function save(file: string, url: string, request: unknown): Promise<void> {
  const message = Buffer.from(JSON.stringify(request));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  const headers = { "content-type": "application/connect+json", "connect-protocol-version": "1" };
  const answer = await fetch(url, { method: "POST", headers, body: Buffer.concat([head, message]) });
  const body = Buffer.from(await answer.arrayBuffer());
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    const { chunk, error } = JSON.parse(body.toString("utf8", at + 5, end));
    if (error) throw new Error(`cannot query ${url}: ${JSON.stringify(error)}`);
    if (chunk) chunks.push(Buffer.from(chunk.ipc, "base64"));
    at = end;
  }
  writeFileSync(path.join(folder, file), Buffer.concat(chunks));
}
