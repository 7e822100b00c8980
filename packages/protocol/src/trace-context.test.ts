import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readVectors } from "./testing/vectors.ts";
import { type AttemptOrigin, formatTraceparent, originOf, parseTraceparent, withOrigin } from "./trace-context.ts";

interface TraceContextVectors {
  traceparents: {
    valid: { name: string; text: string; traceId: string; spanId: string; sampled: boolean }[];
    invalid: { name: string; text: string }[];
  };
  withOrigin: { name: string; tracestate: string; origin: AttemptOrigin; result: string }[];
  originOf: { name: string; tracestate: string; origin: AttemptOrigin }[];
  withoutOrigin: string[];
}

const vectors = readVectors<TraceContextVectors>("trace-context");
const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const nonZeroHex = (length: number) =>
  fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((digits) => digits.join(""))
    .filter((text) => !/^0+$/.test(text));

describe("traceparent", () => {
  it.each(vectors.traceparents.valid)("reads $name", ({ text, traceId, spanId, sampled }) => {
    expect(parseTraceparent(text)).toEqual({ traceId, spanId, sampled });
  });

  it.each(vectors.traceparents.invalid)("refuses $name", ({ text }) => expect(parseTraceparent(text)).toBeUndefined());

  it("reads what it writes", () => {
    fc.assert(
      fc.property(nonZeroHex(32), nonZeroHex(16), fc.boolean(), (trace, span, sampled) => {
        const ids = { traceId: trace, spanId: span, sampled };
        expect(parseTraceparent(formatTraceparent(ids))).toEqual(ids);
      }),
    );
  });

  it("takes what the pattern of W3C takes, and nothing else", () => {
    const pattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:(?<!^00.{53})-.*)?$/;
    const near = fc.record({
      at: fc.nat(56),
      put: fc.string({ maxLength: 2 }),
      cut: fc.nat(2),
      version: nonZeroHex(2),
    });
    fc.assert(
      fc.property(near, ({ at, put, cut, version }) => {
        const whole = `${version}-${traceId}-${spanId}-01`;
        const text = (whole.slice(0, at) + put + whole.slice(at + cut)).trim();
        expect(parseTraceparent(text) !== undefined).toBe(pattern.test(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads any text without throwing", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseTraceparent(text)));
  });
});

describe("attempt origin in tracestate", () => {
  it.each(vectors.withOrigin)("is put $name", ({ tracestate, origin, result }) => {
    expect(withOrigin(tracestate, origin)).toBe(result);
  });

  it.each(vectors.originOf)("is found $name", ({ tracestate, origin }) => expect(originOf(tracestate)).toEqual(origin));

  it("is read back wherever it stands", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), fc.integer({ min: 1, max: 2 ** 32 - 1 }), (jobId, taskId, attempt) => {
        const mine = { jobId, taskId, attempt };
        expect(originOf(`a=1 , ${withOrigin("b=2", mine)}`)).toEqual(mine);
      }),
    );
  });

  it.each(vectors.withoutOrigin)("is not found in %j", (tracestate) => expect(originOf(tracestate)).toBeUndefined());
});
