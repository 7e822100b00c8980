import { fromBinary } from "@bufbuild/protobuf";
import { bytesToHex, originOf, traceIdOfJob } from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { expect, test } from "vitest";
import { spanPayloads } from "./span-payloads.ts";

const options = {
  jobId: "01900000-0000-7000-8000-000000000001",
  spans: 1_000,
  batch: 512,
  seed: 3,
  startTimeMs: 1_760_000_000_000,
};

const spans = [...spanPayloads(options)].map((bytes) => {
  const request = fromBinary(ExportTraceServiceRequestSchema, bytes);
  return request.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
});

test("payloads are OTLP requests of at most a batch each", () => {
  expect(spans.map((batch) => batch.length)).toEqual([512, 488]);
});

test("each span has an id of its own, ten attributes and a parent, in the job's trace", () => {
  const all = spans.flat();
  expect(new Set(all.map(({ spanId }) => bytesToHex(spanId))).size).toBe(1_000);
  for (const span of all) {
    expect(bytesToHex(span.traceId)).toBe(traceIdOfJob(options.jobId));
    expect(originOf(span.traceState)?.jobId).toBe(options.jobId);
    expect(span.attributes).toHaveLength(10);
    expect(span.parentSpanId).toHaveLength(8);
    expect(span.endTimeUnixNano).toBeGreaterThan(span.startTimeUnixNano);
  }
});

test("attributes are text, integers, doubles and booleans", () => {
  const kinds = new Set(spans.flat().flatMap(({ attributes }) => attributes.map(({ value }) => value?.value.case)));
  expect(kinds).toEqual(new Set(["stringValue", "intValue", "doubleValue", "boolValue"]));
  const sizes = spans.flat().map((span) => span.attributes[8]?.value?.value.value);
  expect(sizes.every((size) => typeof size === "bigint" && size < 100_000n)).toBe(true);
});

test("some spans failed with an exception", () => {
  const failed = spans.flat().filter(({ status }) => status?.code === 2);
  expect(failed.length).toBeGreaterThan(5);
  expect(failed[0]?.events[0]?.name).toBe("exception");
});

test("the same seed makes the same bytes", () => {
  expect([...spanPayloads({ ...options, spans: 600 })][0]).toEqual([...spanPayloads({ ...options, spans: 600 })][0]);
});
