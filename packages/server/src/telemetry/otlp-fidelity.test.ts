import { gzipSync, zstdCompressSync } from "node:zlib";
import { clone, create, toBinary, toJson } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { bytesToHex, QueryService } from "@spanloom/protocol";
import {
  type AnyValue,
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
  type KeyValue,
  LogsService,
  type ResourceSpans,
  type ScopeSpans,
  TraceService,
} from "@spanloom/protocol/otlp";
import { tempDir } from "@spanloom/testing";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { serveStubs } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";
import { attribute, idBytes, rowsOf } from "./ingest/otlp-fixture.ts";
import { anyValue, attributes, count, seed, spanContent } from "./ingest/testing/otlp-arbitraries.ts";
import { LifecycleFixture } from "./lifecycle/lifecycle-fixture.ts";
import { createTelemetry } from "./telemetry-plane.ts";
import { telemetryStores } from "./testing/telemetry-stores.ts";

/**
 * What is sent, by every way there is, comes back through the queries: rows are made OTLP again and compared with the
 * messages sent.
 */

const startNs = 1_767_225_600_000_000_000n;
const MAX_TIME = 2n ** 63n - 1n;

const envelope = {
  resource: fc.option(fc.record({ attributes, droppedAttributesCount: count }), { nil: undefined }),
  schemaUrl: fc.string({ maxLength: 8 }),
};
const scope = {
  scope: fc.option(fc.record({ name: fc.string(), version: fc.string(), attributes, droppedAttributesCount: count }), {
    nil: undefined,
  }),
  schemaUrl: fc.string({ maxLength: 8 }),
};
const time = fc.oneof(
  { arbitrary: fc.bigInt({ min: startNs, max: startNs + 10n ** 12n }), weight: 10 },
  fc.constantFrom(startNs + 86_400_000_000_000n, MAX_TIME),
);
const soundSpan = fc
  .record({
    ...spanContent,
    parentSpanId: fc.oneof(
      fc.constant(new Uint8Array()),
      fc.integer({ min: 1 }).map((n) => idBytes(8, n)),
    ),
    kind: fc.integer({ min: 0, max: 5 }),
    startTimeUnixNano: time,
    durationNs: fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 10n }), fc.constant(MAX_TIME)),
    open: fc.boolean(),
    status: fc.record({ message: fc.string(), code: fc.integer({ min: 0, max: 2 }) }),
  })
  .map(({ durationNs, open, ...rest }) => {
    const end = rest.startTimeUnixNano + durationNs;
    return { ...rest, endTimeUnixNano: open ? 0n : end > MAX_TIME ? MAX_TIME : end };
  });
const soundRecord = fc.record({
  timeUnixNano: time,
  observedTimeUnixNano: time,
  severityNumber: fc.integer({ min: 0, max: 24 }),
  severityText: fc.string({ minLength: 1, maxLength: 8 }),
  body: anyValue.map((value) => attribute("", value).value),
  attributes,
  droppedAttributesCount: count,
  flags: count,
  eventName: fc.string({ maxLength: 8 }),
  spanId: fc.oneof(
    fc.constant(new Uint8Array()),
    fc.integer({ min: 1 }).map((n) => idBytes(8, n)),
  ),
});
const list = <Value>(item: fc.Arbitrary<Value>) => fc.array(item, { minLength: 1, maxLength: 4 });
const traces = list(fc.record({ ...envelope, scopeSpans: list(fc.record({ ...scope, spans: list(soundSpan) })) })).map(
  (resourceSpans) => create(ExportTraceServiceRequestSchema, { resourceSpans } as never),
);
const logs = list(
  fc.record({ ...envelope, scopeLogs: list(fc.record({ ...scope, logRecords: list(soundRecord) })) }),
).map((resourceLogs) => create(ExportLogsServiceRequestSchema, { resourceLogs } as never));

/** Each run waits for disk and store; shrinking by hundreds of runs takes longer than reading what failed. */
const runs = { numRuns: 8, seed, endOnFailure: true };

interface Way {
  traces: (request: ExportTraceServiceRequest) => Promise<unknown>;
  logs: (request: ExportLogsServiceRequest) => Promise<unknown>;
}

async function post(url: string, headers: Record<string, string>, body: Uint8Array): Promise<unknown> {
  const answer = await fetch(url, { method: "POST", headers, body: new Uint8Array(body) });
  expect([answer.status, await answer.text()]).toEqual([200, headers["content-type"]?.endsWith("json") ? "{}" : ""]);
  return answer;
}

function overHttp(url: string, headers: Record<string, string>, encode: (bytes: Uint8Array) => Uint8Array): Way {
  const type = { "content-type": "application/x-protobuf", ...headers };
  return {
    traces: (request) => post(`${url}/v1/traces`, type, encode(toBinary(ExportTraceServiceRequestSchema, request))),
    logs: (request) => post(`${url}/v1/logs`, type, encode(toBinary(ExportLogsServiceRequestSchema, request))),
  };
}

/** OTLP's JSON: as protobuf's, but ids are hex. */
function overJson(url: string): Way {
  const send = (path: string, json: unknown) => {
    const written = (key: string, value: unknown) => {
      if (key === "traceId" || key === "spanId" || key === "parentSpanId")
        return Buffer.from(String(value), "base64").toString("hex");
      // As a number JSON.stringify makes 0 of it; as text protobuf's JSON reads it as a number.
      return Object.is(value, -0) ? "-0" : value;
    };
    const body = Buffer.from(JSON.stringify(json, written));
    return post(url + path, { "content-type": "application/json" }, body);
  };
  return {
    traces: (request) => send("/v1/traces", toJson(ExportTraceServiceRequestSchema, request)),
    logs: (request) => send("/v1/logs", toJson(ExportLogsServiceRequestSchema, request)),
  };
}

function overGrpc(transport: Transport): Way {
  return {
    traces: async (request) => {
      expect((await createClient(TraceService, transport).export(request)).partialSuccess).toBeUndefined();
    },
    logs: async (request) => {
      expect((await createClient(LogsService, transport).export(request)).partialSuccess).toBeUndefined();
    },
  };
}

/** Every way in, by name. */
const ways: readonly [string, (url: string) => Way][] = [
  ["HTTP", (url) => overHttp(url, {}, (bytes) => bytes)],
  ["HTTP with gzip", (url) => overHttp(url, { "content-encoding": "gzip" }, gzipSync)],
  ["HTTP with zstd", (url) => overHttp(url, { "content-encoding": "zstd" }, zstdCompressSync)],
  ["JSON", overJson],
  ["gRPC", (url) => overGrpc(createGrpcTransport({ baseUrl: url }))],
  [
    "gRPC with gzip",
    (url) => overGrpc(createGrpcTransport({ baseUrl: url, sendCompression: compressionGzip, compressMinBytes: 0 })),
  ],
];

describe.each(telemetryStores)("OTLP through %s", (_store, begin) => {
  const stack = new AsyncDisposableStack();
  let server: RunningServer;
  beforeAll(async () => {
    const dir = stack.use(tempDir());
    const { store: spanStore } = stack.use(await begin());
    // The plane stops its store, and the server its plane.
    const telemetry = createTelemetry({
      dataDir: dir.path,
      store: new LifecycleFixture(),
      spanStore,
      clock: systemClock,
      log: () => undefined,
    });
    server = await serveStubs({ telemetry });
    stack.defer(() => server.stop());
  });
  afterAll(() => stack.disposeAsync());

  const query = () => createClient(QueryService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));
  let trace = 0;

  it.each(ways)("over %s gives back every span as it was sent", async (_name, way) => {
    await fc.assert(
      fc.asyncProperty(traces, async (sent) => {
        const traceId = idBytes(16, ++trace);
        let spans = 0;
        for (const span of sent.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((each) => each.spans)))
          Object.assign(span, { traceId, spanId: idBytes(8, ++spans) });
        await way(server.url).traces(clone(ExportTraceServiceRequestSchema, sent));
        const request = { filter: { traceIds: [bytesToHex(traceId)] }, columns: spanColumns };
        const rows: Record<string, unknown>[] = [];
        for await (const { chunk } of query().querySpans(request)) rows.push(...rowsOf(chunk!.ipc));
        rows.sort((a, b) => (String(a.span_id) < String(b.span_id) ? -1 : 1));
        expect(rows.map(spanFrom)).toEqual(expectedSpans(sent));
      }),
      runs,
    );
  });

  it.each(ways)("over %s gives back every log record as it was sent", async (_name, way) => {
    await fc.assert(
      fc.asyncProperty(logs, async (sent) => {
        const traceId = idBytes(16, ++trace);
        for (const record of sent.resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap((each) => each.logRecords)))
          Object.assign(record, { traceId });
        await way(server.url).logs(clone(ExportLogsServiceRequestSchema, sent));
        const request = { filter: { traceIds: [bytesToHex(traceId)] }, columns: logColumns };
        const rows: Record<string, unknown>[] = [];
        for await (const { chunk } of query().queryLogs(request)) rows.push(...rowsOf(chunk!.ipc));
        // In the order of their times, and of those of one time in the order sent.
        const expected = expectedLogs(sent).sort((a, b) => Number(a.timeUnixNano - b.timeUnixNano));
        expect(rows.map(logFrom)).toEqual(expected);
      }),
      runs,
    );
  });
});

const envelopeColumns = [
  "scope_name",
  "scope_version",
  "resource_attributes",
  "resource_attribute_types",
  "scope_attributes",
  "scope_attribute_types",
  "resource_schema_url",
  "scope_schema_url",
  "resource_dropped_attributes",
  "scope_dropped_attributes",
];
const spanColumns = [
  "trace_id",
  "span_id",
  "parent_span_id",
  "name",
  "kind",
  "start_time",
  "end_time",
  "status",
  "status_message",
  "trace_state",
  "flags",
  "attributes",
  "attribute_types",
  "events",
  "links",
  "dropped_attributes",
  "dropped_events",
  "dropped_links",
  ...envelopeColumns,
];
const logColumns = [
  "time",
  "observed_time",
  "trace_id",
  "span_id",
  "severity_number",
  "severity",
  "body",
  "body_type",
  "event_name",
  "flags",
  "attributes",
  "attribute_types",
  "dropped_attributes",
  ...envelopeColumns,
];

/** What of a message has a column, with attributes in a form that tells types and can be compared. */
function expectedSpans(sent: ExportTraceServiceRequest) {
  return sent.resourceSpans.flatMap((ofResource) =>
    ofResource.scopeSpans.flatMap(({ spans, ...ofScope }) =>
      spans.map((span) => ({
        ...envelopeOf(ofResource, ofScope),
        traceId: bytesToHex(span.traceId),
        spanId: bytesToHex(span.spanId),
        parentSpanId: bytesToHex(span.parentSpanId),
        name: span.name,
        kind: span.kind,
        startTimeUnixNano: span.startTimeUnixNano,
        endTimeUnixNano: span.endTimeUnixNano,
        status: { code: span.status?.code, message: span.status?.message },
        traceState: span.traceState,
        flags: span.flags,
        attributes: comparable(span.attributes),
        events: span.events.map(({ timeUnixNano, name, attributes: of, droppedAttributesCount }) => ({
          timeUnixNano,
          name,
          attributes: comparable(of),
          droppedAttributesCount,
        })),
        links: span.links.map(({ traceId, spanId, traceState, attributes: of, flags, droppedAttributesCount }) => ({
          traceId: bytesToHex(traceId),
          spanId: bytesToHex(spanId),
          traceState,
          attributes: comparable(of),
          flags,
          droppedAttributesCount,
        })),
        droppedAttributesCount: span.droppedAttributesCount,
        droppedEventsCount: span.droppedEventsCount,
        droppedLinksCount: span.droppedLinksCount,
      })),
    ),
  );
}

function expectedLogs(sent: ExportLogsServiceRequest) {
  return sent.resourceLogs.flatMap((ofResource) =>
    ofResource.scopeLogs.flatMap(({ logRecords, ...ofScope }) =>
      logRecords.map((record) => ({
        ...envelopeOf(ofResource, ofScope),
        traceId: bytesToHex(record.traceId),
        spanId: bytesToHex(record.spanId),
        timeUnixNano: record.timeUnixNano,
        observedTimeUnixNano: record.observedTimeUnixNano,
        severityNumber: record.severityNumber,
        severityText: record.severityText,
        body: comparableValue(record.body),
        eventName: record.eventName,
        flags: record.flags,
        attributes: comparable(record.attributes),
        droppedAttributesCount: record.droppedAttributesCount,
      })),
    ),
  );
}

function envelopeOf(
  { resource, schemaUrl }: Pick<ResourceSpans, "resource" | "schemaUrl">,
  { scope: by, ...ofScope }: Pick<ScopeSpans, "scope" | "schemaUrl">,
) {
  return {
    resource: comparable(resource?.attributes ?? []),
    resourceDropped: resource?.droppedAttributesCount ?? 0,
    resourceSchemaUrl: schemaUrl,
    scope: { name: by?.name ?? "", version: by?.version ?? "", attributes: comparable(by?.attributes ?? []) },
    scopeDropped: by?.droppedAttributesCount ?? 0,
    scopeSchemaUrl: ofScope.schemaUrl,
  };
}

type Row = Record<string, unknown>;

function spanFrom(row: Row) {
  return {
    ...envelopeFrom(row),
    traceId: row.trace_id,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id ?? "",
    name: row.name,
    kind: ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"].indexOf(String(row.kind)),
    startTimeUnixNano: row.start_time,
    endTimeUnixNano: row.end_time ?? 0n,
    status: { code: ["UNSET", "OK", "ERROR"].indexOf(String(row.status)), message: row.status_message },
    traceState: row.trace_state,
    flags: row.flags,
    attributes: attributesFrom(row),
    events: (row.events as Row[]).map((event) => ({
      timeUnixNano: event.time,
      name: event.name,
      attributes: attributesFrom(event),
      droppedAttributesCount: event.dropped_attributes,
    })),
    links: (row.links as Row[]).map((link) => ({
      traceId: link.trace_id,
      spanId: link.span_id,
      traceState: link.trace_state,
      attributes: attributesFrom(link),
      flags: link.flags,
      droppedAttributesCount: link.dropped_attributes,
    })),
    droppedAttributesCount: row.dropped_attributes,
    droppedEventsCount: row.dropped_events,
    droppedLinksCount: row.dropped_links,
  };
}

function logFrom(row: Row) {
  return {
    ...envelopeFrom(row),
    traceId: row.trace_id,
    spanId: row.span_id ?? "",
    timeUnixNano: row.time,
    observedTimeUnixNano: row.observed_time,
    severityNumber: row.severity_number,
    severityText: row.severity,
    body: valueFrom(String(row.body), String(row.body_type)),
    eventName: row.event_name,
    flags: row.flags,
    attributes: attributesFrom(row),
    droppedAttributesCount: row.dropped_attributes,
  };
}

function envelopeFrom(row: Row) {
  return {
    resource: attributesFrom(row, "resource_"),
    resourceDropped: row.resource_dropped_attributes,
    resourceSchemaUrl: row.resource_schema_url,
    scope: { name: row.scope_name, version: row.scope_version, attributes: attributesFrom(row, "scope_") },
    scopeDropped: row.scope_dropped_attributes,
    scopeSchemaUrl: row.scope_schema_url,
  };
}

/** Attributes of a row, each with the type that `attribute_types` gives it: of a repeated key, in turn. */
function attributesFrom(row: Row, prefix = ""): [string, unknown][] {
  const types = [...(row[`${prefix}attribute_types`] as [string, string][])];
  return (row[`${prefix}attributes`] as [string, string][]).map(([key, text]) => {
    const at = types.findIndex(([name]) => name === key);
    const [, type] = at < 0 ? [key, ""] : types.splice(at, 1)[0]!;
    return [key, valueFrom(text, type)];
  });
}

function valueFrom(text: string, type: string): unknown {
  switch (type) {
    case "":
      return { text };
    case "bool":
      return { bool: text === "true" };
    case "int":
      return { int: BigInt(text) };
    case "double":
      return { double: Number(text) };
    case "bytes":
      return { bytes: text };
    case "empty":
      return { empty: text };
    default:
      return { json: text };
  }
}

function comparable(entries: readonly KeyValue[]): [string, unknown][] {
  return entries.map(({ key, value }) => [key, comparableValue(value)]);
}

/** A value as {@link valueFrom} gives it; nested ones as their JSON is documented. */
function comparableValue(any: AnyValue | undefined): unknown {
  const value = any?.value;
  switch (value?.case) {
    case "stringValue":
      return { text: value.value };
    case "boolValue":
      return { bool: value.value };
    case "intValue":
      return { int: value.value };
    case "doubleValue":
      return { double: value.value };
    case "bytesValue":
      return { bytes: Buffer.from(value.value).toString("base64") };
    case "arrayValue":
    case "kvlistValue":
      return { json: jsonOf(any) };
    default:
      return { empty: "" };
  }
}

function jsonOf(any: AnyValue | undefined): string {
  const value = any?.value;
  switch (value?.case) {
    case "stringValue":
      return JSON.stringify(value.value);
    case "boolValue":
    case "intValue":
      return String(value.value);
    case "doubleValue": {
      if (!Number.isFinite(value.value)) return `{"$double":"${value.value}"}`;
      const text = Object.is(value.value, -0) ? "-0" : String(value.value);
      return /[.e]/.test(text) ? text : `${text}.0`;
    }
    case "bytesValue":
      return `{"$bytes":"${Buffer.from(value.value).toString("base64")}"}`;
    case "arrayValue":
      return `[${value.value.values.map(jsonOf).join(",")}]`;
    case "kvlistValue":
      return `{${value.value.values.map((entry) => `${JSON.stringify(keyOf(entry.key))}:${jsonOf(entry.value)}`).join(",")}}`;
    default:
      return "null";
  }
}

/** A key of a map, told apart from what marks bytes and odd doubles. */
function keyOf(key: string): string {
  return /^\$+(bytes|double)$/.test(key) ? `$${key}` : key;
}
