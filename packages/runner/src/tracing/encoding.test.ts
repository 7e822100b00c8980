import { fromBinary } from "@bufbuild/protobuf";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { bytesToHex } from "@spanloom/protocol";
import { ExportLogsServiceRequestSchema, ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { describe, expect, it } from "vitest";
import { plain, plainMap } from "../testing/decode-telemetry.ts";
import { writeLog } from "./encode-log.ts";
import { encodeLogs, encodeResource, encodeScope, encodeSpans } from "./encode-request.ts";
import { writeSpan } from "./encode-span.ts";
import { ProtoWriter } from "./proto-writer.ts";
import { noSuffix, RecordBlock, type RecordSuffix } from "./record-block.ts";

const writer = new ProtoWriter(16);
const origin = {
  resource: encodeResource({ "service.name": "test", "process.pid": 7 }),
  scope: encodeScope({ name: "scope", version: "1.2", schemaUrl: "https://schema" }),
};

/** What the writer holds, as a block of one record. */
function blockOf(from = origin): RecordBlock {
  const block = new RecordBlock({ origin: from, suffix: noSuffix }, writer.length);
  block.add(writer);
  return block;
}

function makeSpans(make: (tracer: ReturnType<BasicTracerProvider["getTracer"]>) => void) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({}),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  make(provider.getTracer("t"));
  return exporter.getFinishedSpans();
}

describe("encoding", () => {
  it("keeps all of a span", () => {
    const [span] = makeSpans((tracer) => {
      const linked = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 };
      const started = tracer.startSpan("näme 🎉", {
        kind: SpanKind.CLIENT,
        startTime: [1_700_000_000, 123_456_789],
        links: [{ context: linked, attributes: { why: "test" } }],
        attributes: { text: "x".repeat(300), empty: "", yes: true, no: false, zero: 0, half: 0.5, minus: -42 },
      });
      started.setAttributes({ big: 2 ** 60, ints: [1, 2], texts: ["a", "ü"], umlaut: "ö".repeat(100) });
      started.addEvent("event", { n: 1 }, [1_700_000_001, 1]);
      started.setStatus({ code: SpanStatusCode.ERROR, message: "bad" });
      started.end([1_700_000_002, 999_999_999]);
    });
    writeSpan(writer, { span: span! });
    const request = fromBinary(ExportTraceServiceRequestSchema, encodeSpans([blockOf()]));
    const [resourceSpans] = request.resourceSpans;
    expect(plainMap(resourceSpans!.resource!.attributes)).toEqual({ "service.name": "test", "process.pid": 7n });
    expect(resourceSpans!.scopeSpans[0]).toMatchObject({
      scope: { name: "scope", version: "1.2" },
      schemaUrl: "https://schema",
    });
    const [decoded] = resourceSpans!.scopeSpans[0]!.spans;
    expect(decoded).toMatchObject({
      name: "näme 🎉",
      kind: SpanKind.CLIENT + 1,
      startTimeUnixNano: 1_700_000_000_123_456_789n,
      endTimeUnixNano: 1_700_000_002_999_999_999n,
      status: { code: 2, message: "bad" },
      flags: 0x101,
    });
    expect(bytesToHex(decoded!.traceId)).toBe(span!.spanContext().traceId);
    expect(bytesToHex(decoded!.spanId)).toBe(span!.spanContext().spanId);
    expect(plainMap(decoded!.attributes)).toEqual({
      text: "x".repeat(300),
      empty: "",
      yes: true,
      no: false,
      zero: 0n,
      half: 0.5,
      minus: -42n,
      big: 2 ** 60,
      ints: [1n, 2n],
      texts: ["a", "ü"],
      umlaut: "ö".repeat(100),
    });
    expect(decoded!.events).toMatchObject([{ name: "event", timeUnixNano: 1_700_000_001_000_000_001n }]);
    expect(plainMap(decoded!.events[0]!.attributes)).toEqual({ n: 1n });
    expect(decoded!.links).toMatchObject([{ flags: 0x101 }]);
    expect(bytesToHex(decoded!.links[0]!.traceId)).toBe("1".repeat(32));
    expect(plainMap(decoded!.links[0]!.attributes)).toEqual({ why: "test" });
  });

  it("keeps parent, tracestate and dropped counts", () => {
    const spans = makeSpans((tracer) => {
      const parent = tracer.startSpan("parent");
      for (let i = 0; i < 200; i++) parent.setAttribute(`k${i}`, i);
      tracer.startSpan("child", {}, trace.setSpan({ ...emptyContext() }, parent)).end();
      parent.end();
    });
    const block = new RecordBlock({ origin, suffix: noSuffix }, 0);
    for (const span of spans) {
      writeSpan(writer, { span });
      block.add(writer);
    }
    const request = fromBinary(ExportTraceServiceRequestSchema, encodeSpans([block]));
    const [child, parent] = request.resourceSpans[0]!.scopeSpans[0]!.spans;
    expect(bytesToHex(child!.parentSpanId)).toBe(bytesToHex(parent!.spanId));
    expect(parent!.parentSpanId).toHaveLength(0);
    expect(parent!.droppedAttributesCount).toBe(72);
  });

  it("keeps all of a log record", () => {
    const span = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 };
    writeLog(writer, {
      timeUs: 1_700_000_000_123_456,
      severity: "WARN",
      body: "careful",
      attributes: { n: 1, nested: ["x"] },
      span,
    });
    const request = fromBinary(ExportLogsServiceRequestSchema, encodeLogs([blockOf()]));
    const [record] = request.resourceLogs[0]!.scopeLogs[0]!.logRecords;
    expect(record).toMatchObject({
      timeUnixNano: 1_700_000_000_123_456_000n,
      observedTimeUnixNano: 1_700_000_000_123_456_000n,
      severityNumber: 13,
      severityText: "WARN",
      flags: 1,
    });
    expect(plain(record!.body)).toBe("careful");
    expect(plainMap(record!.attributes)).toEqual({ n: 1n, nested: ["x"] });
    expect([bytesToHex(record!.traceId), bytesToHex(record!.spanId)]).toEqual([span.traceId, span.spanId]);
  });

  it.each([[0], [1], [40], [400]])("ends every record of a block alike, with %i characters", (length) => {
    const spans = makeSpans((tracer) => {
      for (let i = 0; i < 50; i++) tracer.startSpan("x".repeat(i * 7), { attributes: { i } }).end();
    });
    const suffix: RecordSuffix = { length, writeTo: (to) => to.string(3, "y".repeat(length)) };
    const block = new RecordBlock({ origin, suffix }, 0);
    for (const span of spans) {
      writeSpan(writer, { span });
      block.add(writer);
    }
    const request = fromBinary(ExportTraceServiceRequestSchema, encodeSpans([block, block]));
    const decoded = request.resourceSpans[0]!.scopeSpans[0]!.spans;
    expect(decoded.map(({ name, traceState }) => [name.length, traceState.length])).toEqual(
      [...spans, ...spans].map((span) => [span.name.length, length]),
    );
    expect(decoded.map(({ attributes }) => plainMap(attributes))).toEqual(
      [...spans, ...spans].map((span) => ({ i: BigInt(Number(span.attributes.i)) })),
    );
  });

  it("puts each resource and scope once, whatever the order", () => {
    const other = { resource: encodeResource({ "service.name": "other" }), scope: origin.scope };
    const [span] = makeSpans((tracer) => tracer.startSpan("s").end());
    const entryOf = (from: typeof origin) => {
      writeSpan(writer, { span: span! });
      return blockOf(from);
    };
    const entries = [entryOf(origin), entryOf(other), entryOf(origin)];
    const request = fromBinary(ExportTraceServiceRequestSchema, encodeSpans(entries));
    expect(request.resourceSpans.map((group) => group.scopeSpans.map((scope) => scope.spans.length))).toEqual([
      [2],
      [1],
    ]);
  });

  it("keeps log records in their order, with each resource and scope as often as they come back", () => {
    const console = { resource: origin.resource, scope: encodeScope({ name: "console" }) };
    const other = { resource: encodeResource({ "service.name": "other" }), scope: console.scope };
    const span = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 };
    const blocks = [origin, origin, console, origin, console, other].map((from, i) => {
      writeLog(writer, { timeUs: 1, tieNs: i, severity: "INFO", body: i, attributes: undefined, span });
      return blockOf(from);
    });
    const { resourceLogs } = fromBinary(ExportLogsServiceRequestSchema, encodeLogs(blocks));
    const bodies = resourceLogs.map(({ scopeLogs }) =>
      scopeLogs.map(({ scope, logRecords }) => [scope!.name, ...logRecords.map(({ body }) => plain(body))]),
    );
    expect(bodies).toEqual([
      [
        ["scope", 0n, 1n],
        ["console", 2n],
        ["scope", 3n],
        ["console", 4n],
      ],
      [["console", 5n]],
    ]);
    expect(resourceLogs[1]!.scopeLogs[0]!.logRecords[0]!.timeUnixNano).toBe(1_005n);
  });
});

function emptyContext() {
  const values = new Map<symbol, unknown>();
  const context = {
    getValue: (key: symbol): unknown => values.get(key),
    setValue: (key: symbol, value: unknown) => {
      values.set(key, value);
      return context;
    },
    deleteValue: () => context,
  };
  return context;
}
