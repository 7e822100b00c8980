import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { type Exporter, shapeTelemetry, type TelemetryBatch } from "@spanloom/exporter";
import { describe, expect, it } from "vitest";
import { type ExporterSubject, sampleLogs, sampleTraces, testExporter } from "./exporter-suite.ts";
import { OtlpPeer, type PeerRules, type RecordedRequest, rejectLogs, rejectSpans, status } from "./otlp-peer.ts";

/** What a test sets besides the address. */
export interface OtlpTestOptions {
  readonly timeoutMs?: number;
  readonly compression?: "gzip" | "none";
}

/** An exporter that sends OTLP over HTTP, under test. */
export interface OtlpSetup {
  /** Makes one that sends to a base URL. */
  make(url: string, options: OtlpTestOptions): Exporter;
  /** What its backend insists on. */
  readonly rules: PeerRules;
  /** Whether it sends log records. */
  readonly logs: boolean;
  /** Attributes its backend wants on every resource, and it adds. */
  readonly resourceAttributes?: Readonly<Record<string, string>>;
  /** Texts that no message may hold, e.g. the API key. */
  readonly secrets: readonly string[];
}

interface Subject extends AsyncDisposable {
  readonly peer: OtlpPeer;
  readonly exporter: Exporter;
}

async function setUp(setup: OtlpSetup, options: OtlpTestOptions = {}): Promise<Subject> {
  const peer = await new OtlpPeer(setup.rules).start();
  const exporter = setup.make(peer.url, options);
  return {
    peer,
    exporter,
    async [Symbol.asyncDispose]() {
      await exporter.shutdown();
      await peer[Symbol.asyncDispose]();
    },
  };
}

/** The contract of exporters that send OTLP over HTTP, against a strict peer; it includes that of every exporter. */
export function testOtlpExporter(name: string, setup: OtlpSetup): void {
  testExporter(name, () => subjectOf(setup));
  describe(`${name} speaks OTLP over HTTP`, () => {
    testRequests(setup);
    testAnswers(setup);
    testOutages(setup);
    testParts(setup);
  });
}

async function subjectOf(setup: OtlpSetup): Promise<ExporterSubject> {
  const subject = await setUp(setup);
  return {
    exporter: subject.exporter,
    spanNames: () => subject.peer.spanNames,
    logBodies: () => (setup.logs ? subject.peer.logBodies : undefined),
    hang: () => {
      subject.peer.hanging = true;
    },
    [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
  };
}

const both = (): TelemetryBatch => ({ ...sampleTraces("a", "b"), ...sampleLogs("l1", "l2", "l3") });

function testRequests(setup: OtlpSetup): void {
  const { tracesPath = "/v1/traces", logsPath = "/v1/logs" } = setup.rules;

  it("sends each signal to its URL, with the headers and in the encoding of its backend", async () => {
    await using subject = await setUp(setup);
    expect(await subject.exporter.export(both())).toEqual({ outcome: "exported" });
    expect(subject.peer.violations).toEqual([]);
    expect(subject.peer.requests.map(({ path }) => path)).toEqual(setup.logs ? [tracesPath, logsPath] : [tracesPath]);
    expect(subject.peer.spanNames).toEqual(["a", "b"]);
    expect(subject.peer.logBodies).toEqual(setup.logs ? ["l1", "l2", "l3"] : []);
  });

  it("sends spans as they are, ids, times, flags and all", async () => {
    await using subject = await setUp(setup);
    const { traces } = sampleTraces("a", "b");
    await subject.exporter.export({ traces });
    const expected = setup.resourceAttributes
      ? shapeTelemetry({ resourceAttributes: setup.resourceAttributes })({ traces }).traces
      : traces;
    expect(subject.peer.traces).toEqual([expected]);
  });

  it.each(["gzip", "none"] as const)("sends with compression %s when told to", async (compression) => {
    const { tracesPath: path = "/v1/traces" } = setup.rules;
    await using subject = await setUp({ ...setup, rules: { tracesPath: path } }, { compression });
    expect(await subject.exporter.export(sampleTraces("a".repeat(10_000)))).toEqual({ outcome: "exported" });
    expect(subject.peer).toMatchObject({ violations: [], spanNames: ["a".repeat(10_000)] });
    const [{ headers }] = subject.peer.requests as [RecordedRequest];
    expect(headers["content-encoding"]).toBe(compression === "gzip" ? "gzip" : undefined);
    expect(Number(headers["content-length"]) < 1_000).toBe(compression === "gzip");
  });

  it("sends nothing for log records when its backend takes none", async () => {
    await using subject = await setUp(setup);
    expect(await subject.exporter.export(sampleLogs("l"))).toEqual({ outcome: "exported" });
    expect(subject.peer.requests).toHaveLength(setup.logs ? 1 : 0);
  });

  it("takes a batch of any size, within what its backend takes of one request", async () => {
    await using subject = await setUp(setup, { timeoutMs: 120_000 });
    const names = Array.from({ length: 4_000 }, (_, index) => `span ${index} ${"x".repeat(1_300)}`);
    expect(await subject.exporter.export(sampleTraces(...names))).toEqual({ outcome: "exported" });
    expect(subject.peer.violations).toEqual([]);
    expect(subject.peer.spanNames).toEqual(names);
    expect(subject.peer.tooLarge).toBe(0);
  });
}

function testAnswers(setup: OtlpSetup): void {
  it.each([
    [429, { "retry-after": "7" }, { outcome: "retry", retryAfterMs: 7_000 }],
    [429, {}, { outcome: "retry" }],
    // An hour is the longest an exporter lets itself be told to wait.
    [503, { "retry-after": "Wed, 20 Nov 2126 20:00:30 GMT" }, { outcome: "retry", retryAfterMs: 3_600_000 }],
    [503, { "retry-after": "Fri, 20 Nov 2020 19:00:00 GMT" }, { outcome: "retry", retryAfterMs: 0 }],
    [502, {}, { outcome: "retry" }],
    [504, { "retry-after": "soon" }, { outcome: "retry" }],
    [400, {}, { outcome: "failed" }],
    [401, { "retry-after": "7" }, { outcome: "failed" }],
    [403, {}, { outcome: "failed" }],
    [404, {}, { outcome: "failed" }],
    [413, {}, { outcome: "failed" }],
    [500, {}, { outcome: "failed" }],
    [307, { location: "/elsewhere" }, { outcome: "failed" }],
  ])("takes %d %o for %o, asks once, and tells no secret", async (code, headers, expected) => {
    await using subject = await setUp(setup);
    subject.peer.answers.push(status(code, headers as Record<string, string>));
    const result = await subject.exporter.export(sampleTraces("a"));
    const path = setup.rules.tracesPath ?? "/v1/traces";
    expect(result).toEqual({
      ...expected,
      message: expect.stringContaining(`${subject.peer.url}${path}: ${code}`),
    });
    expect(subject.peer.requests).toHaveLength(1);
    for (const secret of setup.secrets) expect(JSON.stringify(result)).not.toContain(secret);
  });

  it.each(refusals)("tells why in its backend's words, but no secret they quote, from %s", async (type, encode) => {
    await using subject = await setUp(setup);
    subject.peer.answers.push((response) => {
      const { authorization = "", ...others } = response.req.headers;
      const password = Buffer.from(authorization.replace(/^Basic /, ""), "base64").toString("latin1");
      const words = ["no access for", ...Object.values(others), authorization, password].join(" ");
      response.writeHead(403, { "content-type": type }).end(encode(words));
    });
    const result = await subject.exporter.export(sampleTraces("a"));
    expect(result).toMatchObject({
      outcome: "failed",
      message: expect.stringMatching(/: 403 Forbidden: no access for/),
    });
    for (const secret of setup.secrets) expect(JSON.stringify(result)).not.toContain(secret);
  });

  it("counts what its backend refused of a request it took", async () => {
    await using subject = await setUp(setup);
    subject.peer.answers.push(rejectSpans(1n, "too old"), rejectLogs(2n, "too long"));
    expect(await subject.exporter.export(both())).toEqual({
      outcome: "exported",
      rejected: setup.logs
        ? { spans: 1, logRecords: 2, message: "too old; too long" }
        : { spans: 1, logRecords: 0, message: "too old" },
    });
  });

  it("reads a refusal of a part from JSON, too", async () => {
    await using subject = await setUp(setup);
    const answer = { partialSuccess: { rejectedSpans: "1", errorMessage: "too old", more: true } };
    subject.peer.answers.push((response) =>
      response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(answer)),
    );
    const rejected = { spans: 1, logRecords: 0, message: "too old" };
    expect(await subject.exporter.export(sampleTraces("a", "b"))).toEqual({ outcome: "exported", rejected });
  });

  it("takes a warning for a success, and a success that is not OTLP too", async () => {
    await using subject = await setUp(setup);
    subject.peer.answers.push(rejectSpans(0n, "deprecated"), (response) => response.end("OK, thanks"));
    expect(await subject.exporter.export(sampleTraces("a"))).toEqual({ outcome: "exported" });
    expect(await subject.exporter.export(sampleTraces("b"))).toEqual({ outcome: "exported" });
  });
}

/** The forms in which backends say why they refuse a request. */
const refusals: [string, (words: string) => string | Uint8Array][] = [
  ["application/x-protobuf", (words) => new BinaryWriter().tag(1, 0).int32(7).tag(2, 2).string(words).finish()],
  ["application/json; charset=utf-8", (words) => JSON.stringify({ code: 7, message: words })],
  ["application/problem+json", (words) => JSON.stringify({ errors: [{ detail: words }] })],
  ["text/plain", (words) => `${words}\r\n`],
];

function testOutages(setup: OtlpSetup): void {
  it("asks to try again when no answer comes in time", async () => {
    await using subject = await setUp(setup, { timeoutMs: 30 });
    subject.peer.hanging = true;
    expect(await subject.exporter.export(sampleTraces("a"))).toEqual({
      outcome: "retry",
      message: expect.stringContaining("no answer within 30 ms"),
    });
  });

  it("asks to try again when an answer begins and does not end", async () => {
    await using subject = await setUp(setup, { timeoutMs: 100 });
    subject.peer.answers.push((response) => void response.writeHead(200, { "content-length": "100" }).write("half"));
    expect(await subject.exporter.export(sampleTraces("a"))).toEqual({
      outcome: "retry",
      message: expect.stringContaining("no answer within 100 ms"),
    });
  });

  it("asks to try again when the connection breaks before or within an answer, and when nobody listens", async () => {
    await using subject = await setUp(setup);
    const cutOff = { outcome: "retry", message: expect.stringContaining(`cannot export to ${subject.peer.url}`) };
    subject.peer.answers.push(
      (response) => response.destroy(),
      (response) => {
        response.writeHead(200, { "content-length": "100" }).write("half", () => response.destroy());
      },
    );
    expect(await subject.exporter.export(sampleTraces("a"))).toEqual(cutOff);
    expect(await subject.exporter.export(sampleTraces("a"))).toEqual(cutOff);
    await subject.peer[Symbol.asyncDispose]();
    expect(await subject.exporter.export(sampleTraces("a"))).toEqual(cutOff);
  });

  it("does not read an answer without end", async () => {
    await using subject = await setUp(setup);
    subject.peer.answers.push((response) => response.end(Buffer.alloc(5 * 1024 * 1024)));
    expect(await subject.exporter.export(sampleTraces("a"))).toMatchObject({
      outcome: "failed",
      message: expect.stringContaining("larger than 4194304 bytes"),
    });
  });
}

function testParts(setup: OtlpSetup): void {
  it("halves what is too large, sends each part once, and counts a record that is too large alone", async () => {
    const maxBytes = 2_000;
    await using subject = await setUp({ ...setup, rules: { ...setup.rules, maxBytes } });
    const names = Array.from({ length: 40 }, (_, index) => `s${index} ${"x".repeat(100)}`);
    const result = await subject.exporter.export(sampleTraces(...names, "y".repeat(maxBytes), "z"));
    expect(subject.peer.spanNames).toEqual([...names, "z"]);
    expect(result).toMatchObject({ outcome: "exported", rejected: { spans: 1, logRecords: 0 } });
    expect(subject.peer.violations).toEqual([]);
  });

  it("does not send a part again that was taken", async () => {
    await using subject = await setUp(setup);
    const batch = sampleTraces("a", "b", "c", "d");
    subject.peer.answers.push(status(413), "take", status(503));
    expect(await subject.exporter.export(batch)).toMatchObject({ outcome: "retry" });
    expect(subject.peer.spanNames).toEqual(["a", "b"]);
    expect(await subject.exporter.export(batch)).toEqual({ outcome: "exported" });
    expect(subject.peer.spanNames).toEqual(["a", "b", "c", "d"]);
  });

  it("sends only the log records again when only they have to be", async () => {
    if (!setup.logs) return;
    await using subject = await setUp(setup);
    const batch = both();
    subject.peer.answers.push((response) => response.end(), status(503));
    expect(await subject.exporter.export(batch)).toMatchObject({ outcome: "retry" });
    expect(await subject.exporter.export(batch)).toEqual({ outcome: "exported" });
    expect(subject.peer.requests).toHaveLength(3);
    expect(subject.peer).toMatchObject({ spanNames: [], logBodies: ["l1", "l2", "l3"] });
  });

  it("counts spans as refused that failed for good beside log records that were taken", async () => {
    if (!setup.logs) return;
    await using subject = await setUp(setup);
    subject.peer.answers.push(status(400));
    const result = await subject.exporter.export(both());
    expect(result).toMatchObject({ outcome: "exported", rejected: { spans: 2, logRecords: 0 } });
  });
}
