/**
 * A stand-in for a ClickHouse server: its HTTP interface, as far as the official client uses it, over the real engine.
 *
 * `node endpoint-program.ts <folder> <port>` keeps its data in the folder, prints its URL, and ends when its standard
 * input closes. It serves one statement a request, parameters as `param_<name>`, settings as other names, gzip both ways,
 * and errors as ClickHouse tells them. It knows no users, no sessions and no query log.
 *
 * It is a cluster of one server: `spanloom` has it as its only shard, `twice` as two shards with the same rows, so that
 * statements can be tried which engines refuse over several. What is asked `ON CLUSTER` it does itself. Tables of
 * Replicated engines are made, but stay read-only, as this engine has no address for other replicas.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { Session } from "chdb";
import { boundValues } from "./bound-values.ts";

const [folder = "", port = "0"] = process.argv.slice(2);
const dataDir = join(folder, "data");
const incoming = join(folder, "incoming");
for (const path of [dataDir, incoming]) mkdirSync(path, { recursive: true });

const shard = `<shard><internal_replication>true</internal_replication>
<replica><host>127.0.0.1</host><port>9000</port></replica></shard>`;
const configFile = join(folder, "config.xml");
writeFileSync(
  configFile,
  `<clickhouse>
<zookeeper><implementation>testkeeper</implementation></zookeeper>
<macros><shard>1</shard><replica>1</replica></macros>
<remote_servers><spanloom>${shard}</spanloom><twice>${shard}${shard}</twice></remote_servers>
<tcp_port>9000</tcp_port>
</clickhouse>`,
);

/** What the client says to the server alone. */
const NOT_SETTINGS = new Set(["query", "query_id", "database", "default_format", "session_id", "wait_end_of_query"]);
/** A lookup of 10,000 ids is written into the address. */
const MAX_HEADER_BYTES = 4 * 1024 ** 2;
const ENGINE_ARGS = [
  `--config-file=${configFile}`,
  "--max_server_memory_usage=2147483648",
  "--mark_cache_size=67108864",
  "--background_pool_size=2",
];

const idle = new Map<string, Session[]>();
let files = 0;

/** Lends a session with these settings: one statement at a time runs in it. */
async function inSession<T>(settings: ReadonlyMap<string, string>, use: (session: Session) => Promise<T>): Promise<T> {
  const key = JSON.stringify([...settings].sort());
  const free = idle.get(key) ?? [];
  idle.set(key, free);
  let session = free.pop();
  if (session === undefined) {
    session = new Session(dataDir, { connectionArgs: ENGINE_ARGS });
    for (const [name, value] of settings) await session.queryAsync(`SET ${name} = '${value.replaceAll("'", "''")}'`);
  }
  try {
    const result = await use(session);
    free.push(session);
    return result;
  } catch (error) {
    // What a statement had written when it failed would come out before the answer of the session's next one.
    session.close();
    throw error;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  return request.headers["content-encoding"] === "gzip" ? promisify(gunzip)(body) : body;
}

/** Takes the format off a statement, as the engine is told it apart. */
function splitFormat(text: string, fallback: string): { sql: string; format: string } {
  const match = /\sFORMAT\s+(\w+)\s*;?\s*$/i.exec(text);
  return match ? { sql: text.slice(0, match.index), format: match[1]! } : { sql: text, format: fallback };
}

async function insert(session: Session, sql: string, format: string, body: Buffer): Promise<Uint8Array> {
  const columns = /\(([^)]*)\)\s*$/.exec(sql)?.[1] ?? "*";
  const path = join(incoming, `${++files}.${format}`);
  await writeFile(path, body);
  try {
    return (await session.queryAsync(`${sql} SELECT ${columns} FROM file('${path}', '${format}')`)).bytes();
  } finally {
    await rm(path);
  }
}

async function run(address: URL, body: Buffer): Promise<Uint8Array> {
  const given = [...address.searchParams];
  const settings = new Map(given.filter(([name]) => !name.startsWith("param_") && !NOT_SETTINGS.has(name)));
  settings.delete("enable_http_compression");
  const query = address.searchParams.get("query");
  const { sql, format } = splitFormat(
    (query ?? body.toString()).replace(/ ON CLUSTER '(spanloom|twice)'/, ""),
    address.searchParams.get("default_format") ?? "TabSeparated",
  );
  return inSession(settings, async (session) => {
    if (query !== null && /^\s*INSERT\s/i.test(sql)) return insert(session, sql, format, body);
    const values = boundValues(sql, (name) => address.searchParams.get(`param_${name}`));
    return (await session.queryBindAsync(sql, values, { format })).bytes();
  });
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const address = new URL(request.url ?? "/", "http://endpoint");
  if (address.pathname === "/ping") return void response.end("Ok.\n");
  const body = await bodyOf(request);
  try {
    const result = await run(address, body);
    response.setHeader("X-ClickHouse-Summary", JSON.stringify({ read_rows: "0", written_rows: "0" }));
    await send(request, response, result);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const code = /Code: (\d+)/.exec(text)?.[1] ?? "1001";
    response.statusCode = code === "60" || code === "81" ? 404 : 500;
    response.setHeader("X-ClickHouse-Exception-Code", code);
    const said = text.replace(/^.*?Code: \d+\. DB::Exception: /s, "").replace(/^DB::Exception: /, "");
    await send(request, response, Buffer.from(`Code: ${code}. DB::Exception: ${said} (UNKNOWN) (version 26.1.1.1)\n`));
  }
}

async function send(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): Promise<void> {
  if (!request.headers["accept-encoding"]?.includes("gzip")) return void response.end(bytes);
  response.setHeader("Content-Encoding", "gzip");
  response.end(await promisify(gzip)(bytes, { level: 1 }));
}

const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.stdin.resume().on("end", () => process.exit());
// Interrupts meant for the tests reach their whole group; the end of standard input is what counts.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
