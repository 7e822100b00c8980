import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { SpanloomError } from "@spanloom/protocol";
import {
  ExportLogsServiceResponseSchema,
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from "@spanloom/protocol/otlp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serveStubs, telemetryStub } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";
import type { IngestOutcome, OtlpPayload } from "../telemetry/telemetry.ts";

let payloads: OtlpPayload[];
let answer: () => Promise<IngestOutcome>;
const telemetry = telemetryStub({
  async ingest(more) {
    // Bytes are freed once they are taken.
    payloads.push(...more.map(({ signal, bytes }) => ({ signal, bytes: new Uint8Array(bytes) })));
    return answer();
  },
});
let server: RunningServer & { log: string[] };
beforeAll(async () => {
  server = await serveStubs({ telemetry });
});
afterAll(() => server.stop());
beforeEach(() => {
  payloads = [];
  answer = async () => ({ rejectedSpans: 0, rejectedLogs: 0, message: "" });
});

const request = create(ExportTraceServiceRequestSchema, {
  resourceSpans: [
    {
      scopeSpans: [
        { spans: [{ traceId: new Uint8Array(16).fill(0xab), spanId: new Uint8Array(8).fill(0xcd), name: "hello" }] },
      ],
    },
  ],
});
const bytes = toBinary(ExportTraceServiceRequestSchema, request);

const protobuf = { "content-type": "application/x-protobuf" };
const json = { "content-type": "application/json" };

const post = (path: string, headers: Record<string, string>, body: Uint8Array<ArrayBuffer> | string) =>
  fetch(server.url + path, { method: "POST", headers, body });

/** Code and message of a google.rpc.Status. */
function readStatus(buffer: ArrayBuffer): { code: number; message: string } {
  const reader = new BinaryReader(new Uint8Array(buffer));
  const status = { code: 0, message: "" };
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    if (field === 1) status.code = reader.int32();
    else status.message = reader.string();
  }
  return status;
}

describe("OTLP over HTTP", () => {
  it.each([
    ["plain", {}, bytes],
    ["gzip", { "content-encoding": "gzip" }, gzipSync(bytes)],
    ["zstd", { "content-encoding": "zstd" }, zstdCompressSync(bytes)],
    ["deflate", { "content-encoding": "deflate" }, deflateSync(bytes)],
    ["an encoding in capitals", { "content-encoding": "GZIP" }, gzipSync(bytes)],
  ])("takes protobuf, %s", async (_name, headers, body) => {
    const taken = await post("/v1/traces", { ...protobuf, ...headers }, new Uint8Array(body));
    expect(taken.status).toBe(200);
    expect(taken.headers.get("content-type")).toBe("application/x-protobuf");
    expect(payloads).toEqual([{ signal: "traces", bytes: new Uint8Array(bytes) }]);
  });

  it("takes JSON with ids in hex", async () => {
    const body = {
      resourceSpans: [
        { scopeSpans: [{ spans: [{ traceId: "ab".repeat(16), spanId: "CD".repeat(8), name: "hello", unknown: 1 }] }] },
      ],
    };
    const taken = await post("/v1/traces", json, JSON.stringify(body));
    expect([taken.status, await taken.json()]).toEqual([200, {}]);
    expect(fromBinary(ExportTraceServiceRequestSchema, payloads[0]?.bytes ?? new Uint8Array())).toEqual(request);
  });

  it("takes 64-bit integers in JSON that were sent as numbers, to the last digit", async () => {
    const attributes =
      '[{"key":"n","value":{"intValue":-9223372036854775807}},{"key":"x","value":{"doubleValue":1e300}}]';
    const body = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":1767225600000000001,"attributes":${attributes}}]}]}]}`;
    expect((await post("/v1/traces", json, body)).status).toBe(200);
    const sent = fromBinary(ExportTraceServiceRequestSchema, payloads[0]?.bytes ?? new Uint8Array());
    const span = sent.resourceSpans[0]?.scopeSpans[0]?.spans[0];
    expect(span?.startTimeUnixNano).toBe(1_767_225_600_000_000_001n);
    expect(span?.attributes.map(({ value }) => value?.value.value)).toEqual([-9_223_372_036_854_775_807n, 1e300]);
  });

  it("takes half a character in JSON as one that cannot be read", async () => {
    const body = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"cut \\ud83d"}]}]}]}';
    expect((await post("/v1/traces", json, body)).status).toBe(200);
    const sent = fromBinary(ExportTraceServiceRequestSchema, payloads[0]?.bytes ?? new Uint8Array());
    expect(sent.resourceSpans[0]?.scopeSpans[0]?.spans[0]?.name).toBe("cut \ufffd");
  });

  it.each(["traceId", "spanId", "parentSpanId"])("leaves a %s that is no hex to its record", async (key) => {
    answer = async () => ({ rejectedSpans: 1, rejectedLogs: 0, message: "cannot accept span" });
    const ids = { traceId: "ab".repeat(16), spanId: "cd".repeat(8) };
    const spans = [
      { ...ids, [key]: "xyz" },
      { ...ids, name: "sound" },
    ];
    const taken = await post("/v1/traces", json, JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
    const partialSuccess = {
      rejectedSpans: "1",
      errorMessage: `cannot accept span; ${key} "xyz" is not pairs of hex digits`,
    };
    expect([taken.status, await taken.json()]).toEqual([200, { partialSuccess }]);
    const sent = fromBinary(ExportTraceServiceRequestSchema, payloads[0]?.bytes ?? new Uint8Array());
    const [unsound, sound] = sent.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
    // No id has one byte, so that the reader of telemetry rejects the record.
    expect(unsound?.[key as "traceId"]).toHaveLength(1);
    expect(sound?.name).toBe("sound");
  });

  it("tells what was rejected as partial success", async () => {
    answer = async () => ({ rejectedSpans: 2, rejectedLogs: 3, message: "span id is all zero" });
    const traces = await post("/v1/traces", protobuf, bytes);
    const told = fromBinary(ExportTraceServiceResponseSchema, new Uint8Array(await traces.arrayBuffer()));
    expect(told.partialSuccess).toMatchObject({ rejectedSpans: 2n, errorMessage: "span id is all zero" });
    const logs = await post("/v1/logs", protobuf, new Uint8Array());
    const toldLogs = fromBinary(ExportLogsServiceResponseSchema, new Uint8Array(await logs.arrayBuffer()));
    expect(toldLogs.partialSuccess).toMatchObject({ rejectedLogRecords: 3n });
    expect(payloads.map(({ signal }) => signal)).toEqual(["traces", "logs"]);
  });

  it("answers 400 with a status message when the payload is malformed", async () => {
    answer = () => Promise.reject(new SpanloomError("INVALID_FIELD", "cannot read OTLP: cut off at byte 3"));
    const refused = await post("/v1/traces", protobuf, Uint8Array.of(1, 2, 3));
    expect(refused.status).toBe(400);
    expect(readStatus(await refused.arrayBuffer())).toEqual({
      code: 3,
      message: "cannot read OTLP: cut off at byte 3",
    });
  });

  it.each([
    ["no JSON", "{", /JSON/],
    ["an id that is no text", '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":5}]}]}]}', /"traceId" is not/],
    ["nesting without end", "[".repeat(200_000), /cannot read OTLP JSON/],
  ])("answers 400 to %s", async (_name, body, message) => {
    const refused = await post("/v1/traces", json, body);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: 3, message: expect.stringMatching(message) });
  });

  it("answers 415 to another content type, naming it", async () => {
    const refused = await post("/v1/traces", { "content-type": "text/csv" }, "a,b");
    expect(refused.status).toBe(415);
    expect(await refused.json()).toMatchObject({ message: expect.stringContaining('"text/csv"') });
  });

  it("answers 405 to another method", async () => {
    expect((await fetch(`${server.url}/v1/traces`)).status).toBe(405);
  });

  it.each([
    ["a body", {}, new Uint8Array(17 * 1024 * 1024)],
    ["what a body decompresses to", { "content-encoding": "gzip" }, gzipSync(new Uint8Array(17 * 1024 * 1024))],
    ["what zstd decompresses to", { "content-encoding": "zstd" }, zstdCompressSync(new Uint8Array(17 * 1024 * 1024))],
  ])("answers 413 when %s is over the limit", async (_name, headers, body) => {
    const refused = await post("/v1/traces", { ...protobuf, ...headers }, new Uint8Array(body));
    expect(refused.status).toBe(413);
    expect(readStatus(await refused.arrayBuffer()).message).toContain("the limit is 16777216");
    expect(payloads).toEqual([]);
  });

  it("answers 503 with Retry-After when the spool is full", async () => {
    answer = () => Promise.reject(new SpanloomError("OVERLOADED", "cannot spool: full", { retryAfterMs: 2_500 }));
    const refused = await post("/v1/traces", protobuf, bytes);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "3"]);
  });

  it("hides the text of a defect", async () => {
    answer = () => Promise.reject(new Error("secret"));
    const refused = await post("/v1/traces", json, "{}");
    expect(refused.status).toBe(500);
    expect(await refused.text()).not.toContain("secret");
    expect(server.log.join("\n")).toContain("secret");
  });
});
