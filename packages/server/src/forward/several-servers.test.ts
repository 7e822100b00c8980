import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytesToHex } from "@spanloom/protocol";
import { type Answer, OtlpPeer, TestClickHouse, TestPostgres, tempDir, waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { span, tracePayload } from "../telemetry/ingest/otlp-fixture.ts";
import { ServerPrograms } from "../testing/server-program.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(() => postgres.stop());

const otlp = join(import.meta.dirname, "../../../exporters/otlp/src/index.ts");
/** Spans of one call of an exporter, and of a page. */
const [CALL, PAGE] = [128, 8_192];
/** More than any wait here takes: a lease of 10 s, and the 30 s after which nothing comes of a server that is gone. */
const PATIENCE = { deadlineMs: 150_000 };
const away: Answer = (response) => response.writeHead(503).end();

/** Servers of one test, which share a database and a ClickHouse. */
class Bed implements AsyncDisposable {
  readonly #programs = new ServerPrograms();
  readonly #dir = tempDir();
  readonly #clickhouse: TestClickHouse;
  readonly #databaseUrl: string;

  private constructor(clickhouse: TestClickHouse, databaseUrl: string) {
    this.#clickhouse = clickhouse;
    this.#databaseUrl = databaseUrl;
  }

  static async start(name: string): Promise<Bed> {
    return new Bed(await TestClickHouse.start(), await postgres.createDatabase(name));
  }

  /** An exporter to a peer, by a module's path. */
  exporterTo(name: string, peer: OtlpPeer): string {
    const path = join(this.#dir.path, `${name}.mjs`);
    const url = JSON.stringify(peer.url);
    writeFileSync(
      path,
      `import { exporterFromEnv as make } from ${JSON.stringify(otlp)};
export const exporterFromEnv = () => make({ OTEL_EXPORTER_OTLP_ENDPOINT: ${url} });\n`,
    );
    return path;
  }

  /** Starts a server; `served` has the exporters it has told to serve, in order. */
  async startServer(name: string, exporters: readonly string[]) {
    const program = this.#programs.start({
      dataDir: join(this.#dir.path, name),
      args: [...exporters.flatMap((path) => ["--exporter", path]), "--exporter-from", "beginning"],
      env: {
        SPANLOOM_DATABASE_URL: this.#databaseUrl,
        SPANLOOM_CLICKHOUSE_URL: this.#clickhouse.url,
        SPANLOOM_RETENTION_DAYS: "10000",
      },
    });
    let log = "";
    program.child.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    const served = () => [...log.matchAll(/exporter "(.*)" is served by this server/g)].map(([, path]) => path);
    const send = async (numbers: readonly number[]) => {
      const answer = await fetch(`${await program.url}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/x-protobuf" },
        body: new Uint8Array(tracePayload(numbers.map((n) => span(n)))),
      });
      expect(answer.status).toBe(200);
    };
    await program.url;
    return { child: program.child, end: program.end, served, send, log: () => log };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#programs.killAll();
    await this.#clickhouse.stop();
    this.#dir[Symbol.dispose]();
  }
}

const idsOf = (peer: OtlpPeer) =>
  peer.traces.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map(({ spanId }) => bytesToHex(spanId))),
    ),
  );
const distinct = (peer: OtlpPeer) => new Set(idsOf(peer)).size;
const range = (from: number, until: number) => Array.from({ length: until - from }, (_, i) => from + i);

// They mostly wait for leases to end.
describe.concurrent("servers that share PostgreSQL and ClickHouse", () => {
  it("serve each exporter by one of them, with what came to any, and hand it over when one stops", async () => {
    await using bed = await Bed.start("forward_1");
    await using one = await new OtlpPeer().start();
    await using two = await new OtlpPeer().start();
    const [first, second] = [bed.exporterTo("first", one), bed.exporterTo("second", two)];
    const a = await bed.startServer("a", [first]);
    await waitFor(() => a.served().length === 1, PATIENCE);
    const b = await bed.startServer("b", [first, second]);
    await waitFor(() => b.served().length === 1, PATIENCE);
    expect([a.served(), b.served()]).toEqual([[first], [second]]);
    await Promise.all([a.send(range(1, 501)), b.send(range(501, 1_001))]);
    await waitFor(() => distinct(one) === 1_000 && distinct(two) === 1_000, PATIENCE);
    await b.send(range(1_001, 1_101));
    // What a stop cannot send in time is the next server's, and may be sent by both.
    await waitFor(() => distinct(one) === 1_100, PATIENCE);
    a.child.kill("SIGTERM");
    expect((await a.end).code).toBe(0);
    await waitFor(() => b.served().length === 2, PATIENCE);
    await b.send(range(1_101, 1_201));
    await waitFor(() => distinct(one) === 1_200 && distinct(two) === 1_200, PATIENCE);
    expect([idsOf(one).length, idsOf(two).length]).toEqual([1_200, 1_200]);
    expect([...one.violations, ...two.violations]).toEqual([]);
  });

  it("lose nothing when the one that serves is killed while the backend is away, and send a page again at most", async () => {
    await using bed = await Bed.start("forward_2");
    await using peer = await new OtlpPeer().start();
    const taken = PAGE / CALL + 2;
    peer.answers.push(...Array<Answer>(taken).fill("take"), ...Array<Answer>(10_000).fill(away));
    const exporter = bed.exporterTo("only", peer);
    const a = await bed.startServer("a", [exporter]);
    await waitFor(() => a.served().length === 1, PATIENCE);
    const b = await bed.startServer("b", [exporter]);
    await b.send(range(1, 20_001));
    await waitFor(() => peer.requests.length >= taken + 2, PATIENCE);
    a.child.kill("SIGKILL");
    await a.end;
    await b.send(range(20_001, 20_101));
    expect(idsOf(peer)).toHaveLength(taken * CALL);
    await waitFor(() => b.served().length === 1, PATIENCE);
    peer.answers.length = 0;
    await waitFor(() => distinct(peer) === 20_100, PATIENCE);
    // What was taken of the page that was under way.
    expect(idsOf(peer)).toHaveLength(20_100 + taken * CALL - PAGE);
    expect(peer.violations).toEqual([]);
  });

  it("let one that was frozen beyond its lease do no more than what it had begun", async () => {
    await using bed = await Bed.start("forward_3");
    await using peer = await new OtlpPeer().start();
    const taken = PAGE / CALL + 2;
    peer.answers.push(...Array<Answer>(taken).fill("take"), ...Array<Answer>(10_000).fill(away));
    const exporter = bed.exporterTo("only", peer);
    const a = await bed.startServer("a", [exporter]);
    await waitFor(() => a.served().length === 1, PATIENCE);
    const b = await bed.startServer("b", [exporter]);
    await b.send(range(1, 20_001));
    await waitFor(() => peer.requests.length >= taken + 2, PATIENCE);
    a.child.kill("SIGSTOP");
    await waitFor(() => b.served().length === 1, PATIENCE);
    peer.answers.length = 0;
    await waitFor(() => distinct(peer) === 20_000, PATIENCE);
    a.child.kill("SIGCONT");
    await waitFor(() => a.log().includes("this server's lease has ended"), PATIENCE);
    await a.send(range(20_001, 20_101));
    await waitFor(() => distinct(peer) === 20_100, PATIENCE);
    const repeated = idsOf(peer).length - 20_100 - (taken * CALL - PAGE);
    // One call of the server that was frozen, at most.
    expect(repeated === 0 || repeated === CALL).toBe(true);
    expect([a.served().length, b.served().length]).toEqual([1, 1]);
    expect(peer.violations).toEqual([]);
  });
});
