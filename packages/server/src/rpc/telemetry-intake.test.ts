import { create, toBinary } from "@bufbuild/protobuf";
import { SpanloomError, TelemetrySchema } from "@spanloom/protocol";
import { ExportLogsServiceRequestSchema, ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { describe, expect, it } from "vitest";
import type { OtlpPayload } from "../telemetry/telemetry.ts";
import { ingestTelemetry } from "./telemetry-intake.ts";
import { telemetryStub } from "./testing/stubs.ts";

const { runnerTimes } = telemetryStub();

const full = async () => {
  throw new SpanloomError("OVERLOADED", "cannot take telemetry: the spool is full");
};

const spans = (...counts: readonly number[]): Uint8Array =>
  toBinary(
    ExportTraceServiceRequestSchema,
    create(ExportTraceServiceRequestSchema, {
      resourceSpans: counts.map((count) => ({
        resource: { attributes: [] },
        scopeSpans: [{ scope: { name: "s" }, spans: Array.from({ length: count }, () => ({ name: "a" })) }],
      })),
    }),
  );
const logs = toBinary(
  ExportLogsServiceRequestSchema,
  create(ExportLogsServiceRequestSchema, { resourceLogs: [{ scopeLogs: [{ logRecords: [{}, {}] }] }] }),
);

describe("telemetry that cannot be taken", () => {
  it("is told by the number of its records, and never throws (P4)", async () => {
    const telemetry = create(TelemetrySchema, { traces: [spans(2, 3)], logs: [logs] });
    expect(await ingestTelemetry({ ingest: full, runnerTimes }, { runnerId: "runner" }, telemetry)).toMatchObject({
      rejectedSpans: 5n,
      rejectedLogs: 2n,
      message: "cannot take telemetry: the spool is full",
      retryable: true,
    });
  });

  it("does not take what is beside it along when it is malformed", async () => {
    const taken: OtlpPayload[] = [];
    const ingest = async (payloads: readonly OtlpPayload[]) => {
      if (payloads.some(({ bytes }) => bytes.length === 1)) throw new SpanloomError("INVALID_FIELD", "malformed");
      taken.push(...payloads);
      return { rejectedSpans: 0, rejectedLogs: 0, message: "" };
    };
    const telemetry = create(TelemetrySchema, { traces: [Uint8Array.of(0xff), spans(1)], logs: [logs] });
    expect(await ingestTelemetry({ ingest, runnerTimes }, { runnerId: "runner" }, telemetry)).toMatchObject({
      rejectedSpans: 0n,
      message: "malformed",
      retryable: false,
    });
    expect(taken.map(({ signal }) => signal)).toEqual(["traces", "logs"]);
  });
});
