import { expect, it } from "vitest";
import { type ChunkBatches, readChunk } from "../read-arrow.ts";
import { type SampleSpan, sampleChunk, spanIdFor } from "../testing/sample-spans.ts";
import { encodeOtlp, encodeOtlpLines } from "./encode-otlp.ts";
import { otlpValue } from "./otlp-value.ts";

async function* streams(...groups: readonly (readonly SampleSpan[])[]): AsyncGenerator<ChunkBatches> {
  for (const spans of groups) yield* readChunk(sampleChunk(spans));
}

async function joined(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

const span = (n: number, more: Partial<SampleSpan> = {}): SampleSpan => ({
  spanId: spanIdFor(n),
  name: `span ${n}`,
  startNs: 1_795_204_800_123_456_789n,
  endNs: 1_795_204_800_123_456_999n,
  ...more,
});

it("writes values by their types", () => {
  const json = (text: string, type: string) => JSON.parse(otlpValue(text, type)) as unknown;
  expect(json('a"b\n', "")).toEqual({ stringValue: 'a"b\n' });
  expect(json("true", "bool")).toEqual({ boolValue: true });
  expect(json("9223372036854775807", "int")).toEqual({ intValue: "9223372036854775807" });
  expect(json("5", "double")).toEqual({ doubleValue: 5 });
  expect(otlpValue("-0", "double")).toBe('{"doubleValue":-0}');
  expect(json("1e+300", "double")).toEqual({ doubleValue: 1e300 });
  expect(json("NaN", "double")).toEqual({ doubleValue: "NaN" });
  expect(json("-Infinity", "double")).toEqual({ doubleValue: "-Infinity" });
  expect(json("AQI=", "bytes")).toEqual({ bytesValue: "AQI=" });
  expect(json("", "empty")).toEqual({});
});

it("gives keys that were escaped as they were sent", () => {
  const nested = '[{"$bytes":"AQI="},{"$$bytes":"AQI="},{"$$$double":"NaN"},{"$$":1}]';
  const entry = (key: string, value: unknown) => ({ kvlistValue: { values: [{ key, value }] } });
  expect(JSON.parse(otlpValue(nested, "array"))).toEqual({
    arrayValue: {
      values: [
        { bytesValue: "AQI=" },
        entry("$bytes", { stringValue: "AQI=" }),
        entry("$$double", { stringValue: "NaN" }),
        entry("$$", { intValue: "1" }),
      ],
    },
  });
});

it("writes nested values by their types, wide integers and repeated keys included", () => {
  const nested =
    '{"b":[1,1.0,"x,]}",true,null,{"$bytes":"AQI="},{"$double":"NaN"}],"a":9223372036854775807,"a":{},"2":-1e-7}';
  const entry = (key: string, value: unknown) => ({ key, value });
  expect(JSON.parse(otlpValue(nested, "map"))).toEqual({
    kvlistValue: {
      values: [
        entry("b", {
          arrayValue: {
            values: [
              { intValue: "1" },
              { doubleValue: 1 },
              { stringValue: "x,]}" },
              { boolValue: true },
              {},
              { bytesValue: "AQI=" },
              { doubleValue: "NaN" },
            ],
          },
        }),
        entry("a", { intValue: "9223372036854775807" }),
        entry("a", { kvlistValue: { values: [] } }),
        entry("2", { doubleValue: -1e-7 }),
      ],
    },
  });
  expect(JSON.parse(otlpValue("[]", "array"))).toEqual({ arrayValue: { values: [] } });
  expect(() => otlpValue("[x]", "array")).toThrow("cannot read the nested value [x] at 1");
});

it("writes one request with every span below its resource and scope", async () => {
  const text = await joined(
    encodeOtlp(
      streams(
        [
          span(0, { attributes: { n: "5", route: "/x" }, attributeTypes: { n: "int" } }),
          span(1, { parentSpanId: spanIdFor(0), endNs: null, status: "ERROR", statusMessage: "no" }),
        ],
        [],
        [span(2, { links: [{ spanId: spanIdFor(0), kind: "retry" }] })],
      ),
    ),
  );
  const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: object[] }[] }[] };
  expect(resourceSpans).toHaveLength(2);
  expect(resourceSpans[0]).toMatchObject({
    resource: { attributes: [{ key: "service.name", value: { stringValue: "sample" } }], droppedAttributesCount: 3 },
    scopeSpans: [{ scope: { name: "spanloom", version: "", attributes: [] }, schemaUrl: "https://example.com/schema" }],
  });
  const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  expect(spans).toEqual([
    {
      traceId: "0198c0de00007000800000000000cafe",
      spanId: spanIdFor(0),
      flags: 1,
      name: "span 0",
      kind: 1,
      startTimeUnixNano: "1795204800123456789",
      endTimeUnixNano: "1795204800123456999",
      attributes: [
        { key: "n", value: { intValue: "5" } },
        { key: "route", value: { stringValue: "/x" } },
      ],
      status: {},
    },
    expect.objectContaining({ parentSpanId: spanIdFor(0), status: { code: 2, message: "no" } }),
    expect.objectContaining({
      links: [expect.objectContaining({ spanId: spanIdFor(0) })],
    }),
  ]);
  expect(spans[1]).not.toHaveProperty("endTimeUnixNano");
});

it("writes requests of at most 512 records by line", async () => {
  const spans = Array.from({ length: 1_100 }, (_, n) => span(n));
  const lines = (await joined(encodeOtlpLines(streams(spans)))).trimEnd().split("\n");
  const counts = lines.map((line) => {
    const { resourceSpans } = JSON.parse(line) as { resourceSpans: { scopeSpans: { spans: object[] }[] }[] };
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)).length;
  });
  expect(counts).toEqual([512, 512, 76]);
});

it("writes a request without records when nothing matched", async () => {
  expect(JSON.parse(await joined(encodeOtlp(streams([]))))).toEqual({ resourceSpans: [] });
  expect(await joined(encodeOtlpLines(streams([])))).toBe("");
});
