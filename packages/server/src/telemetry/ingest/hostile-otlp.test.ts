import { SpanloomError } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { attribute, idBytes, logPayload, logRecord, rowsOf, span, tracePayload } from "./otlp-fixture.ts";
import { OtlpReader } from "./otlp-reader.ts";
import { referenceSpans } from "./reference-decoder.ts";

const MAX_BYTES = 16 * 1024 * 1024;

/** A length-delimited field. */
function field(number: number, ...parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80);
  return Buffer.from([...out, rest]);
}

/** `bytes` as often as fit into the largest payload. */
const manyOf = (bytes: Uint8Array) => Buffer.alloc(MAX_BYTES - 1_000, bytes);

/** Fields of a span that is sound. */
const sound = Buffer.concat([
  field(1, idBytes(16, 1)),
  field(2, idBytes(8, 1)),
  Buffer.of(0x39, 0, 0, 0xdf, 0xb4, 0x8f, 0x8d, 0x86, 0x18),
]);
const request = (...spans: readonly Uint8Array[]) => field(1, field(2, ...spans));

/** Reads into a reader with a row, which must be all it has afterwards; a sound payload must still be read. */
function refusalOf(bytes: Uint8Array): SpanloomError {
  const reader = new OtlpReader();
  reader.readTraces(tracePayload([span(1)]), 1);
  let refusal: unknown;
  try {
    reader.readTraces(bytes, 2);
  } catch (error) {
    refusal = error;
  }
  reader.readTraces(tracePayload([span(2, { attributes: [attribute("a", 1n)] })]), 3);
  expect(rowsOf(reader.spans.finish()).map(({ name }) => name)).toEqual(["span 1", "span 2"]);
  expect(refusal).toBeInstanceOf(SpanloomError);
  return refusal as SpanloomError;
}

describe("OTLP from a hostile sender", () => {
  it.each([
    ["varints without end", Buffer.alloc(1_000, 0xff)],
    ["a varint of eleven bytes as a length", Buffer.concat([Buffer.of(0x0a), Buffer.alloc(10, 0x80), Buffer.of(1)])],
    ["a length of 2^63", Buffer.from("0affffffffffffffff7f", "hex")],
    ["a length beyond the message it is in", request(field(2, Buffer.from("0a7f", "hex")))],
    ["field number 0", request(field(2, Buffer.of(0x02, 0)))],
    ["wire type 6", request(field(2, Buffer.of(0x0e)))],
    ["a group without an end", request(field(2, Buffer.alloc(40, 0x0b)))],
    ["groups in groups", request(field(2, Buffer.alloc(100_000, 0x0b), Buffer.alloc(100_000, 0x0c)))],
    ["text that is not UTF-8", request(field(2, sound, field(5, Buffer.of(0xc3))))],
    ["a key that is not UTF-8", request(field(2, sound, field(9, field(1, Buffer.of(0xff)))))],
  ])("refuses %s with INVALID_FIELD and the place", (_name, bytes) => {
    expect(refusalOf(bytes)).toMatchObject({
      reason: "INVALID_FIELD",
      message: expect.stringMatching(/at byte \d+ of/),
    });
  });

  it.each([
    ["spans", () => request(manyOf(Buffer.of(0x12, 0)))],
    ["links", () => request(field(2, sound, manyOf(Buffer.of(0x6a, 0))))],
    ["events", () => request(field(2, sound, manyOf(Buffer.of(0x5a, 0))))],
    ["attributes", () => request(field(2, sound, manyOf(Buffer.of(0x4a, 0))))],
    ["values in an array", () => request(field(2, sound, field(9, field(2, field(5, manyOf(Buffer.of(0x0a, 0)))))))],
    ["resource attributes", () => field(1, field(1, manyOf(Buffer.of(0x0a, 0))), field(2, field(2, sound)))],
  ])("refuses millions of empty %s with LIMIT_EXCEEDED", (_name, make) => {
    expect(refusalOf(make())).toMatchObject({
      reason: "LIMIT_EXCEEDED",
      message: expect.stringMatching(
        /^cannot decode traces: more than 2097152 records, .* send fewer records at a time$/,
      ),
    });
  });

  it.each([
    ["resource", (text: Uint8Array) => [field(1, field(1, field(1, text))), field(2, manySpans)]],
    ["scope", (text: Uint8Array) => [field(2, field(1, field(3, field(1, text))), manySpans)]],
    ["scope name", (text: Uint8Array) => [field(2, field(1, field(1, text)), manySpans)]],
  ])("refuses a large %s with so many spans that its copies would fill the memory", (_name, make) => {
    expect(refusalOf(field(1, ...make(Buffer.alloc(1_000_000, 0x61))))).toMatchObject({
      reason: "LIMIT_EXCEEDED",
      message: expect.stringMatching(/resources and scopes would take more than 134217728 bytes/),
    });
  });

  it("takes what honest senders send at most: a large resource with a batch of spans, and a value that fills a payload", () => {
    const resource = [attribute("process.command_args", "x".repeat(100_000))];
    const reader = new OtlpReader();
    expect(
      reader.readTraces(
        tracePayload(
          Array.from({ length: 512 }, (_, n) => span(n + 1)),
          resource,
        ),
        1,
      ),
    ).toEqual({
      accepted: 512,
      rejected: 0,
      message: "",
    });
    reader.truncate({ spans: 0, logs: 0 });
    const value = "v".repeat(MAX_BYTES - 1_000);
    reader.readTraces(tracePayload([span(1, { attributes: [attribute("k", value)] })]), 2);
    const [row] = rowsOf(reader.spans.finish());
    expect((row!.attributes as [string, string][])[0]![1] === value).toBe(true);
  });

  it("takes fields of the wrong wire type for fields it does not know, as protobuf asks", () => {
    // The name as a varint, the kind as text, the start as a fixed32, an attribute as a fixed64; a name comes after them.
    const wrong = Buffer.from("280132026f6b3d010203044901020304050607082a016e", "hex");
    const bytes = request(field(2, sound, wrong));
    const reader = new OtlpReader();
    expect(reader.readTraces(bytes, 1)).toMatchObject({ accepted: 1, rejected: 0 });
    const [row] = rowsOf(reader.spans.finish());
    expect(row).toMatchObject({ name: "n", kind: "UNSPECIFIED", attributes: [] });
  });

  it("names types of repeated keys also among thousands of attributes", () => {
    const many = Array.from({ length: 20_000 }, (_, i) =>
      attribute(`key ${i % 15_000}`, i % 3 === 0 ? BigInt(i) : `${i}`),
    );
    const bytes = tracePayload([span(1, { attributes: many }), span(2, { attributes: many.slice(0, 50) })]);
    const reader = new OtlpReader();
    reader.readTraces(bytes, 1);
    const rows = rowsOf(reader.spans.finish());
    expect(rows.map((row) => row.attribute_types)).toEqual(referenceSpans(bytes).map((row) => row.attribute_types));
  });

  it("refuses millions of log records, and forgets what was begun of a wrong one", () => {
    const reader = new OtlpReader();
    expect(() => reader.readLogs(request(manyOf(Buffer.of(0x12, 0))), 1)).toThrow(/more than 2097152 records/);
    const wrong = logRecord(1, { traceId: new Uint8Array(3), attributes: [attribute("a", 1n)] });
    expect(reader.readLogs(logPayload([wrong, logRecord(2)]), 2)).toMatchObject({ accepted: 1, rejected: 1 });
    expect(rowsOf(reader.logs.finish())).toMatchObject([{ body: "line 2", attributes: [], attribute_types: [] }]);
  });
});

/** A thousand sound spans with ids of their own. */
const manySpans = Buffer.concat(Array.from({ length: 1_000 }, (_, n) => field(2, sound, field(2, idBytes(8, n + 1)))));
