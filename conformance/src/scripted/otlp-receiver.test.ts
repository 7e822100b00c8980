import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
  TraceService,
} from "@spanloom/protocol/otlp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ScriptedServer } from "./scripted-server.ts";
import { usualSettings } from "./server-settings.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

let server: ScriptedServer;

beforeEach(async () => {
  server = new ScriptedServer(usualSettings);
  await server.start();
});

afterEach(() => server[Symbol.asyncDispose]());

const post = (path: string, type: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) =>
  fetch(server.url + path, { method: "POST", headers: { "content-type": type, ...headers }, body });

const spans = [{ traceId: Buffer.from(TRACE, "hex"), spanId: Buffer.from(SPAN, "hex"), name: "sent" }];
const message = create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] });
const bytes = Uint8Array.from(toBinary(ExportTraceServiceRequestSchema, message));

test("spans and logs are taken in OTLP's JSON, whose ids are hexadecimal", async () => {
  const ids = { traceId: TRACE, spanId: SPAN };
  const span = { ...ids, name: "sent", startTimeUnixNano: "1", laterField: [1] };
  const log = { ...ids, body: { stringValue: "said" } };
  const traces = { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] };
  const logs = { resourceLogs: [{ scopeLogs: [{ logRecords: [log] }] }] };
  const answer = await post("/v1/traces", "application/json", JSON.stringify(traces));
  expect([answer.status, await answer.text()]).toEqual([200, "{}"]);
  expect((await post("/v1/logs", "application/json; charset=utf-8", JSON.stringify(logs))).status).toBe(200);
  expect(server.record.spansOf(TRACE, "task")).toMatchObject([{ name: "sent", span_id: SPAN, start_ns: "1" }]);
  expect(server.record.logsOf(TRACE, "task")).toMatchObject([{ body: "said", span_id: SPAN }]);
});

test("spans are taken in protobuf, compressed or not, and over gRPC", async () => {
  const answer = await post("/v1/traces", "application/x-protobuf", bytes);
  expect(fromBinary(ExportTraceServiceResponseSchema, await answer.bytes()).partialSuccess).toBeUndefined();
  await post("/v1/traces", "application/x-protobuf", Uint8Array.from(gzipSync(bytes)), { "content-encoding": "gzip" });
  await createClient(TraceService, createGrpcTransport({ baseUrl: server.url })).export(message);
  expect(server.record.allSpansOf(TRACE).map(({ name }) => name)).toEqual(["sent", "sent", "sent"]);
});

test("what is no OTLP is refused, and fails the case that looks next", async () => {
  expect((await post("/v1/traces", "application/json", '{"resourceSpans": 1}')).status).toBe(400);
  expect(server.record.defects).toEqual([expect.stringContaining("telemetry that is no OTLP: ")]);
});

test("a server that refuses takes none", async () => {
  server.desk.setRefusing(true);
  expect((await post("/v1/traces", "application/x-protobuf", bytes)).status).toBe(503);
  const { export: send } = createClient(TraceService, createGrpcTransport({ baseUrl: server.url }));
  await expect(send(message)).rejects.toThrow("the case refuses it");
  expect(server.record.allSpansOf(TRACE)).toEqual([]);
});
