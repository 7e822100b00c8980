import { create, toBinary } from "@bufbuild/protobuf";
import { SpanloomError, withOrigin } from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  attribute,
  type FixtureValue,
  idBytes,
  logPayload,
  logRecord,
  rowsOf,
  span,
  tracePayload,
} from "./otlp-fixture.ts";
import { OtlpReader } from "./otlp-reader.ts";
import { referenceSpans } from "./reference-decoder.ts";
import { attributes, id, seed, spanContent } from "./testing/otlp-arbitraries.ts";

const jobId = "01890000-0000-7000-8000-0000000000aa";
const taskId = "01890000-0000-7000-8000-0000000000bb";

function read(bytes: Uint8Array) {
  const reader = new OtlpReader();
  const outcome = reader.readTraces(bytes, 1);
  return { outcome, rows: rowsOf(reader.spans.finish()) };
}

const time = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const anySpan = fc.record({
  traceId: id(16),
  spanId: id(8),
  parentSpanId: fc.oneof(id(8), fc.constant(new Uint8Array())),
  kind: fc.integer({ min: 0, max: 9 }),
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  ...spanContent,
  status: fc.option(fc.record({ message: fc.string(), code: fc.integer({ min: 0, max: 3 }) }), { nil: undefined }),
});
const request = fc
  .array(
    fc.record({
      resource: fc.option(fc.record({ attributes }), { nil: undefined }),
      scopeSpans: fc.array(
        fc.record({
          scope: fc.option(fc.record({ name: fc.string(), version: fc.string(), attributes }), { nil: undefined }),
          spans: fc.array(anySpan, { maxLength: 3 }),
        }),
        { maxLength: 2 },
      ),
    }),
    { maxLength: 2 },
  )
  .map((resourceSpans) =>
    toBinary(ExportTraceServiceRequestSchema, create(ExportTraceServiceRequestSchema, { resourceSpans } as never)),
  );

describe("OtlpReader", () => {
  it("decodes what a slow reference decoder decodes", () => {
    fc.assert(
      fc.property(request, (bytes) => {
        const { rows, outcome } = read(bytes);
        const expected = referenceSpans(bytes);
        expect(outcome.accepted).toBe(expected.length);
        expect(
          rows.map((row, i) => Object.fromEntries(Object.keys(expected[i]!).map((key) => [key, row[key]]))),
        ).toEqual(expected);
      }),
      { numRuns: 300, seed },
    );
  });

  it("answers every truncation and bit flip with rows or INVALID_FIELD, and forgets the rows of what it refuses", () => {
    const bytes = tracePayload([
      span(1, {
        attributes: [attribute("a", [1n, { map: [["b", 2.5]] }]), attribute("c", "text")],
        events: [{ name: "e" }],
      }),
      span(2, { links: [{ traceId: idBytes(16, 9), spanId: idBytes(8, 9) }], status: { code: 2, message: "no" } }),
    ]);
    const reader = new OtlpReader();
    const attempt = (damaged: Uint8Array) => {
      const before = reader.spans.rows;
      try {
        reader.readTraces(damaged, 1);
        reader.spans.truncate(before);
      } catch (error) {
        expect(error).toBeInstanceOf(SpanloomError);
        expect((error as SpanloomError).reason).toBe("INVALID_FIELD");
        expect(reader.spans.rows).toBe(before);
      }
    };
    for (let end = 0; end < bytes.length; end++) attempt(bytes.subarray(0, end));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      attempt(flipped);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 500, seed });
    expect(reader.readTraces(bytes, 1).accepted).toBe(2);
    expect(rowsOf(reader.spans.finish()).map(({ name }) => name)).toEqual(["span 1", "span 2"]);
  });

  it("names the offset of malformed bytes", () => {
    expect(() => read(Uint8Array.of(0x0a, 0x05, 0x0a))).toThrow(
      /cannot decode traces: a length of 5 .* at byte 1 of 3/,
    );
  });

  it("refuses text that is not UTF-8, also when two halves of a character would join", () => {
    const bytes = tracePayload([span(1, { name: "QQ", traceState: "ZZ" })]);
    const invalid = bytes.map((byte) => (byte === 0x51 ? 0xff : byte));
    expect(() => read(invalid)).toThrow(/not UTF-8 in name/);
    const two = tracePayload([span(1, { name: "Q" }), span(2, { name: "Z" })]);
    const halves = two.map((byte) => (byte === 0x51 ? 0xc3 : byte === 0x5a ? 0xa9 : byte));
    expect(() => read(halves)).toThrow(/not UTF-8 in name/);
  });

  it("refuses values that nest deeper than 64", () => {
    let deep: FixtureValue = "x";
    for (let i = 0; i < 80; i++) deep = [deep];
    expect(() => read(tracePayload([span(1, { attributes: [attribute("a", deep)] })]))).toThrow(/nest deeper than 64/);
  });

  it("refuses wrong records one by one and gives the first reason", () => {
    const { outcome, rows } = read(
      tracePayload([
        span(1, { traceId: new Uint8Array(16) }),
        span(2, { spanId: new Uint8Array(5) }),
        span(3, { endTimeUnixNano: 1n }),
        span(4),
      ]),
    );
    expect(outcome).toEqual({ accepted: 1, rejected: 3, message: 'cannot accept span "span 1": trace_id is all zero' });
    expect(rows.map(({ name }) => name)).toEqual(["span 4"]);
  });

  it("takes the origin from attributes, and from the trace state when there are none", () => {
    const traceState = withOrigin("vendor=1", { jobId, taskId, attempt: 3 });
    const own = [
      attribute("spanloom.job.id", taskId),
      attribute("spanloom.task.attempt", 2n),
      attribute("spanloom.queue", "fast"),
      attribute("spanloom.job.name", "audit"),
    ];
    const { rows } = read(tracePayload([span(1, { traceState }), span(2, { traceState, attributes: own }), span(3)]));
    const origins = rows.map(({ job_id, task_id, attempt, queue, job_name, service_name, type }) => ({
      job_id,
      task_id,
      attempt,
      queue,
      job_name,
      service_name,
      type,
    }));
    const none = "0".repeat(32);
    const bare = { queue: "", job_name: "", service_name: "checkout", type: "user" };
    expect(origins).toEqual([
      { ...bare, job_id: jobId.replaceAll("-", ""), task_id: taskId.replaceAll("-", ""), attempt: 3 },
      { ...bare, job_id: taskId.replaceAll("-", ""), task_id: none, attempt: 2, queue: "fast", job_name: "audit" },
      { ...bare, job_id: none, task_id: none, attempt: 0 },
    ]);
  });

  it("reads log records with typed bodies and falls back on the observed time", () => {
    const reader = new OtlpReader();
    const outcome = reader.readLogs(
      logPayload([
        logRecord(1, { traceId: idBytes(16, 1), spanId: idBytes(8, 1), severityText: "info" }),
        logRecord(2, {
          timeUnixNano: 0n,
          observedTimeUnixNano: 5n,
          body: { value: { case: "intValue", value: 7n } },
          severityNumber: 17,
        }),
        logRecord(3, { timeUnixNano: 0n }),
        logRecord(4, { traceId: idBytes(4, 1) }),
      ]),
      3,
    );
    expect(outcome).toMatchObject({ accepted: 2, rejected: 2 });
    expect(rowsOf(reader.logs.finish())).toMatchObject([
      { body: "line 1", body_type: "", severity: "info", severity_number: 9, ingest_id: 3n << 24n },
      { body: "7", body_type: "int", severity: "ERROR", time: 5n, observed_time: 5n, ingest_id: (3n << 24n) + 1n },
    ]);
  });

  it("gives the rows of a payload the same ids when it is read again, whatever was refused (I3)", () => {
    const bytes = logPayload([logRecord(1), logRecord(2, { timeUnixNano: 0n }), logRecord(3)]);
    const read = () => {
      const reader = new OtlpReader(7n);
      reader.readLogs(bytes, 300);
      return rowsOf(reader.logs.finish()).map(({ body, ingest_id: id, writer }) => [body, id, writer]);
    };
    expect(read()).toEqual([
      ["line 1", 300n << 24n, 7n],
      ["line 3", (300n << 24n) + 2n, 7n],
    ]);
    expect(read()).toEqual(read());
  });
});
