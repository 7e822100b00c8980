import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytesToHex } from "@spanloom/protocol";
import { type Answer, OtlpPeer, tempDir, waitFor } from "@spanloom/testing";
import { afterEach, describe, expect, it } from "vitest";
import { span, tracePayload } from "../telemetry/ingest/otlp-fixture.ts";
import { ServerPrograms } from "../testing/server-program.ts";

const programs = new ServerPrograms();
afterEach(() => programs.killAll());

/** The package that `--exporter otlp` stands for, which is not installed beside the server's sources. */
const otlp = join(import.meta.dirname, "../../../exporters/otlp/src/index.ts");
const SPANS = 20_000;
/** Spans of one call, and of a page: the cursor is written when a call must be made again. */
const [CALL, PAGE] = [128, 8_192];
/** Calls that are taken first: a page, and some of the next. */
const TAKEN = PAGE / CALL + 2;

const idsOf = (peer: OtlpPeer) =>
  peer.traces.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map(({ spanId }) => bytesToHex(spanId))),
    ),
  );

describe("spanloom-server --exporter", () => {
  it("loses no span when it is killed in the middle, and sends no more than a page again", async () => {
    using dir = tempDir();
    await using peer = await new OtlpPeer().start();
    const away: Answer = (response) => response.writeHead(503).end();
    peer.answers.push(...Array<Answer>(TAKEN).fill("take"), ...Array<Answer>(1_000).fill(away));
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: peer.url, SPANLOOM_RETENTION_DAYS: "10000" };
    const args = ["--exporter", otlp, "--exporter-from", "beginning"];
    const first = programs.start({ dataDir: dir.path, args, env });
    const body = tracePayload(Array.from({ length: SPANS }, (_, i) => span(i + 1)));
    const headers = { "content-type": "application/x-protobuf" };
    const answer = await fetch(`${await first.url}/v1/traces`, { method: "POST", headers, body: new Uint8Array(body) });
    expect(answer.status).toBe(200);
    await waitFor(() => peer.requests.length >= TAKEN + 2);
    first.child.kill("SIGKILL");
    await first.end;
    expect(idsOf(peer)).toHaveLength(TAKEN * CALL);
    peer.answers.length = 0;
    await programs.start({ dataDir: dir.path, args, env }).url;
    await waitFor(() => new Set(idsOf(peer)).size >= SPANS);
    // What was taken of the page that was under way.
    expect(idsOf(peer)).toHaveLength(SPANS + TAKEN * CALL - PAGE);
    expect(peer.violations).toEqual([]);
  });

  it("sends to the exporters of a configuration file, each in its own shape", async () => {
    using dir = tempDir();
    await using peers = new AsyncDisposableStack();
    const [plain, tagged] = [peers.use(await new OtlpPeer().start()), peers.use(await new OtlpPeer().start())];
    const entry = (name: string, { url }: OtlpPeer, rest: object) => ({
      name,
      use: otlp,
      options: { endpoint: url, ...rest },
    });
    const exporters = [
      entry("plain", plain, { headers: { "x-key": { env: "KEY" } } }),
      { ...entry("tagged", tagged, { protocol: "http/json" }), shape: { tags: { team: "core" } } },
    ];
    const file = join(dir.path, "spanloom.json");
    writeFileSync(file, JSON.stringify({ retentionDays: 10_000, exporterFrom: "beginning", exporters }));
    const program = programs.start({ dataDir: dir.path, args: ["--config", file], env: { KEY: "s3cret" } });
    const body = new Uint8Array(tracePayload([span(1)]));
    const headers = { "content-type": "application/x-protobuf" };
    await fetch(`${await program.url}/v1/traces`, { method: "POST", headers, body });
    await waitFor(() => idsOf(plain).length === 1 && idsOf(tagged).length === 1);
    const keysOf = (peer: OtlpPeer) =>
      peer.traces.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans.flatMap(({ attributes }) => attributes.map(({ key }) => key))),
        ),
      );
    expect([keysOf(plain), keysOf(tagged)]).toEqual([[], ["team"]]);
    // Whatever else asks the port for something is no exporter.
    const sent = (peer: OtlpPeer, header: string) =>
      peer.requests.flatMap(({ path, headers: of }) => (path.startsWith("/v1/") ? [[path, of[header]]] : []));
    expect(sent(plain, "x-key")).toEqual([["/v1/traces", "s3cret"]]);
    expect(sent(tagged, "content-type")).toEqual([["/v1/traces", "application/json"]]);
  });
});
