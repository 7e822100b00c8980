import { clone, create, toBinary } from "@bufbuild/protobuf";
import type { Exporter, TelemetryBatch } from "@spanloom/exporter";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  Span_SpanKind,
  Status_StatusCode,
} from "@spanloom/protocol/otlp";
import { describe, expect, it } from "vitest";

/** An exporter under test and what its backend has received. */
export interface ExporterSubject extends AsyncDisposable {
  readonly exporter: Exporter;
  /** Names of the spans the backend received, in order. */
  spanNames(): readonly string[];
  /** Bodies of the log records the backend received, in order; undefined for an exporter that sends none. */
  logBodies(): readonly string[] | undefined;
  /** Makes the backend refuse to answer from now on, as if it had hung. Absent for one that cannot hang. */
  hang?(): void;
}

/** Makes an exporter with a backend of its own. */
export type MakeExporter = () => Promise<ExporterSubject>;

const text = (value: string) => ({ value: { case: "stringValue" as const, value } });

/** A batch of spans under one resource, with a bit of everything a span may have. */
export function sampleTraces(...names: string[]): TelemetryBatch {
  const traceId = new Uint8Array(16).fill(7);
  const spans = names.map((name, index) => ({
    name,
    traceId,
    spanId: Uint8Array.of(0, 0, 0, 1, 0, index >> 16, index >> 8, index),
    parentSpanId: new Uint8Array(8).fill(9),
    traceState: "vendor=1",
    flags: 0x101,
    kind: Span_SpanKind.CONSUMER,
    startTimeUnixNano: 1_795_204_800_000_000_000n,
    endTimeUnixNano: 1_795_204_800_250_000_001n,
    attributes: [
      { key: "spanloom.queue", value: text("default") },
      { key: "large", value: { value: { case: "intValue" as const, value: 2n ** 63n - 1n } } },
      { key: "ratio", value: { value: { case: "doubleValue" as const, value: 0.1 } } },
      { key: "raw", value: { value: { case: "bytesValue" as const, value: Uint8Array.of(1, 255) } } },
    ],
    events: [{ name: "e", timeUnixNano: 1_795_204_800_000_000_002n, attributes: [{ key: "é", value: text("ü") }] }],
    links: [{ traceId, spanId: new Uint8Array(8).fill(8), traceState: "", flags: 1 }],
    status: { code: Status_StatusCode.ERROR, message: "no" },
  }));
  const resource = { attributes: [{ key: "service.name", value: text("suite") }] };
  const scopeSpans = [{ scope: { name: "scope", version: "1" }, spans }];
  return { traces: create(ExportTraceServiceRequestSchema, { resourceSpans: [{ resource, scopeSpans }] }) };
}

/** A batch of log records under one resource. */
export function sampleLogs(...bodies: string[]): TelemetryBatch {
  const logRecords = bodies.map((body) => ({
    timeUnixNano: 1_795_204_800_000_000_000n,
    body: { value: { case: "stringValue" as const, value: body } },
  }));
  return { logs: create(ExportLogsServiceRequestSchema, { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }) };
}

/** The contract of {@link Exporter} as tests; every exporter runs them. */
export function testExporter(name: string, make: MakeExporter): void {
  describe(`${name} keeps the exporter contract`, () => {
    it("sends spans and answers that they were taken", async () => {
      await using subject = await make();
      expect(await subject.exporter.export(sampleTraces("a", "b"))).toEqual({ outcome: "exported" });
      expect(subject.spanNames()).toEqual(["a", "b"]);
    });

    it("sends log records, or leaves them out in silence", async () => {
      await using subject = await make();
      const result = await subject.exporter.export({ ...sampleTraces("a"), ...sampleLogs("l1", "l2") });
      expect(result).toEqual({ outcome: "exported" });
      expect(subject.spanNames()).toEqual(["a"]);
      expect(subject.logBodies() ?? ["l1", "l2"]).toEqual(["l1", "l2"]);
    });

    it("takes an empty batch without asking its backend", async () => {
      await using subject = await make();
      expect(await subject.exporter.export({})).toEqual({ outcome: "exported" });
      expect(await subject.exporter.export({ ...sampleTraces(), ...sampleLogs() })).toEqual({ outcome: "exported" });
      expect(subject.spanNames()).toEqual([]);
    });

    it("does not change the batch", async () => {
      await using subject = await make();
      const { traces } = sampleTraces("a", "b");
      const before = toBinary(ExportTraceServiceRequestSchema, clone(ExportTraceServiceRequestSchema, traces!));
      await subject.exporter.export({ traces });
      expect(toBinary(ExportTraceServiceRequestSchema, traces!)).toEqual(before);
    });

    it("answers failed once it is shut down, which may be done twice", async () => {
      await using subject = await make();
      await subject.exporter.shutdown();
      await subject.exporter.shutdown();
      expect(await subject.exporter.export(sampleTraces("late"))).toMatchObject({ outcome: "failed" });
      expect(subject.spanNames()).toEqual([]);
    });

    it("settles what is under way when it is shut down", async () => {
      await using subject = await make();
      if (!subject.hang) return;
      subject.hang();
      const underWay = subject.exporter.export(sampleTraces("a"));
      await subject.exporter.shutdown();
      expect(await underWay).toMatchObject({ outcome: expect.stringMatching(/failed|retry/) });
    });
  });
}
