import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport } from "@connectrpc/connect-node";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { SpanloomError } from "@spanloom/protocol";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
  LogsService,
  TraceService,
} from "@spanloom/protocol/otlp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serveStubs, telemetryStub } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";
import type { IngestOutcome, OtlpPayload } from "../telemetry/telemetry.ts";

const LIMIT = 16 * 1024 * 1024;
const TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

let payloads: OtlpPayload[];
let answer: () => Promise<IngestOutcome>;
const telemetry = telemetryStub({
  async ingest(more) {
    payloads.push(...more);
    return answer();
  },
});
let server: RunningServer & { log: string[] };
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await serveStubs({ telemetry });
  session = connect(server.url);
});
afterAll(async () => {
  session.destroy();
  await server.stop();
});
beforeEach(() => {
  payloads = [];
  answer = async () => ({ rejectedSpans: 0, rejectedLogs: 0, message: "" });
});

const request = create(ExportTraceServiceRequestSchema, {
  resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: new Uint8Array(16).fill(1), name: "hello" }] }] }],
});
const bytes = toBinary(ExportTraceServiceRequestSchema, request);

/** A message behind gRPC's prefix. */
function framed(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

interface Answer {
  status: string | undefined;
  message: string;
  details: Buffer | undefined;
  body: Buffer;
  http: number | undefined;
}

/** One call with nothing of a gRPC library in between. */
async function call(body: Uint8Array, headers: Record<string, string> = {}, path = TRACES): Promise<Answer> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  stream.on("error", () => undefined);
  stream.end(body);
  let told: Record<string, unknown> = {};
  const onHeaders = (more: Record<string, unknown>): void => {
    told = { ...told, ...more };
  };
  stream.on("response", onHeaders).on("trailers", onHeaders);
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  await once(stream, "close");
  const details = told["grpc-status-details-bin"];
  return {
    status: told["grpc-status"] as string | undefined,
    message: decodeURIComponent(String(told["grpc-message"] ?? "")),
    details: details === undefined ? undefined : Buffer.from(String(details), "base64"),
    body: Buffer.concat(parts),
    http: told[constants.HTTP2_HEADER_STATUS] as number | undefined,
  };
}

describe("OTLP over gRPC", () => {
  it("takes what OpenTelemetry's own exporters send, plain and gzip, and lets them stop", async () => {
    for (const compression of ["none", "gzip"] as const) {
      const options = { url: server.url, compression: compression as never };
      const tracing = new BasicTracerProvider({
        spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(options))],
      });
      tracing.getTracer("app").startSpan(`span by ${compression}`).end();
      await tracing.shutdown();
      const logging = new LoggerProvider({
        processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(options) })],
      });
      logging.getLogger("app").emit({ body: `line by ${compression}` });
      await logging.shutdown();
    }
    const names = payloads.map(({ signal, bytes: payload }) =>
      signal === "traces"
        ? fromBinary(ExportTraceServiceRequestSchema, payload).resourceSpans[0]?.scopeSpans[0]?.spans[0]?.name
        : fromBinary(ExportLogsServiceRequestSchema, payload).resourceLogs[0]?.scopeLogs[0]?.logRecords[0]?.body?.value
            .value,
    );
    expect(names).toEqual(["span by none", "line by none", "span by gzip", "line by gzip"]);
  });

  it("takes what another gRPC library sends, and answers it with partial success", async () => {
    answer = async () => ({ rejectedSpans: 2, rejectedLogs: 3, message: "span id is all zero" });
    const transport = createGrpcTransport({
      baseUrl: server.url,
      sendCompression: compressionGzip,
      compressMinBytes: 0,
    });
    const traces = await createClient(TraceService, transport).export(request);
    expect(traces.partialSuccess).toMatchObject({ rejectedSpans: 2n, errorMessage: "span id is all zero" });
    const logs = await createClient(LogsService, transport).export({});
    expect(logs.partialSuccess).toMatchObject({ rejectedLogRecords: 3n, errorMessage: "span id is all zero" });
    expect(payloads.map(({ signal, bytes: { length } }) => [signal, length])).toEqual([
      ["traces", bytes.length],
      ["logs", 0],
    ]);
  });

  it("answers with one message and the status in the trailers", async () => {
    const { status, body, http } = await call(framed(bytes));
    expect([http, status, body.subarray(0, 5)]).toEqual([200, "0", Buffer.alloc(5)]);
    expect(fromBinary(ExportTraceServiceResponseSchema, body.subarray(5)).partialSuccess).toBeUndefined();
    expect(payloads).toEqual([{ signal: "traces", bytes: Buffer.from(bytes) }]);
  });

  it.each([
    ["OVERLOADED", 2_500],
    ["TELEMETRY_UNAVAILABLE", 250],
    ["SHUTTING_DOWN", undefined],
  ] as const)("answers UNAVAILABLE with the time to try again to %s", async (reason, retryAfterMs) => {
    const facts = retryAfterMs === undefined ? {} : { retryAfterMs };
    answer = () => Promise.reject(new SpanloomError(reason, "cannot spool: 100 % “full”\n", facts));
    const told = await call(framed(bytes));
    expect([told.status, told.message]).toEqual(["14", "cannot spool: 100 % “full”\n"]);
    const delayMs = retryAfterMs ?? 1_000;
    const delay = Buffer.concat([
      Buffer.of(0x08, Math.floor(delayMs / 1_000), 0x10),
      varint((delayMs % 1_000) * 1_000_000),
    ]);
    const retryInfo = Buffer.concat([Buffer.of(0x0a, delay.length), delay]);
    expect(told.details?.includes("type.googleapis.com/google.rpc.RetryInfo")).toBe(true);
    expect(told.details?.subarray(-retryInfo.length)).toEqual(retryInfo);
  });

  it("answers with codes that say not to try again when the payload is at fault", async () => {
    answer = () => Promise.reject(new SpanloomError("INVALID_FIELD", "cannot decode traces: cut off at byte 3"));
    expect(await call(framed(bytes))).toMatchObject({
      status: "3",
      message: "cannot decode traces: cut off at byte 3",
      details: undefined,
    });
  });

  it("hides the text of a defect", async () => {
    answer = () => Promise.reject(new Error("secret"));
    const told = await call(framed(bytes));
    expect(told.status).toBe("13");
    expect(told.message).not.toContain("secret");
    expect(server.log.join("\n")).toContain("secret");
  });

  it.each([
    ["a message", framed(new Uint8Array(LIMIT + 1)), {}],
    ["what gzip makes of it", framed(gzipSync(new Uint8Array(LIMIT + 1)), 1), { "grpc-encoding": "gzip" }],
    ["a zip bomb", framed(gzipSync(new Uint8Array(64 * LIMIT)), 1), { "grpc-encoding": "gzip" }],
  ])("refuses %s over the limit", async (_name, body, headers) => {
    const told = await call(body, headers);
    expect(told.status).toBe("3");
    expect(told.message).toMatch(/, the limit is 167772(16|21)$/);
    expect(payloads).toEqual([]);
  });

  it.each([
    ["nothing", Buffer.alloc(0), {}, "not one message: it has 0 bytes"],
    ["half a prefix", Buffer.alloc(3), {}, "not one message: it has 3 bytes"],
    ["a message that is cut off", framed(bytes, 0, bytes.length + 1), {}, "not one message"],
    ["two messages", Buffer.concat([framed(bytes), framed(bytes)]), {}, "not one message"],
    ["a length beyond all", framed(bytes, 0, 0xffffffff), {}, "of which the message says to be 4294967295"],
    ["compression it is not told of", framed(bytes, 1), {}, 'flagged 1 and grpc-encoding is "identity"'],
    ["an unknown flag", framed(bytes, 7), { "grpc-encoding": "gzip" }, "flagged 7"],
    ["bytes that are not gzip", framed(bytes, 1), { "grpc-encoding": "gzip" }, "its body is not gzip"],
    ["an unknown compression", framed(bytes, 1), { "grpc-encoding": "snappy" }, 'grpc encoding "snappy" is not one of'],
  ])("refuses %s", async (_name, body, headers, message) => {
    const told = await call(body, headers);
    expect(told.status).toBe("3");
    expect(told.message).toContain(message);
    expect(payloads).toEqual([]);
  });

  it("is refused in plain HTTP when it is something else than gRPC", async () => {
    const web = await call(framed(bytes), { "content-type": "application/grpc-web+proto" });
    expect([web.http, web.status]).toEqual([415, undefined]);
    expect(web.body.toString()).toContain('not as \\"application/grpc-web+proto\\" over HTTP/2');
    const old = await fetch(server.url + TRACES, {
      method: "POST",
      headers: { "content-type": "application/grpc" },
      body: framed(bytes),
    });
    expect([old.status, await old.text()]).toEqual([415, expect.stringContaining("over HTTP/1.1")]);
    expect(payloads).toEqual([]);
  });

  it("needs the token that OTLP over HTTP needs", async () => {
    await using locked = await serveStubs({ telemetry, token: "sesame" });
    const client = createClient(TraceService, createGrpcTransport({ baseUrl: locked.url }));
    const refused = await client.export(request).catch((error: unknown) => ConnectError.from(error));
    expect((refused as ConnectError).code).toBe(Code.Unauthenticated);
    await client.export(request, { headers: { authorization: "Bearer sesame" } });
    expect(payloads).toHaveLength(1);
  });
});

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80);
  return Buffer.from([...out, rest]);
}
