import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatTraceparent, originOf, parseTraceparent, withOrigin } from "./trace-context.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const nonZeroHex = (length: number) =>
  fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((digits) => digits.join(""))
    .filter((text) => !/^0+$/.test(text));

describe("traceparent", () => {
  it("reads ids and the sampled flag", () => {
    expect(parseTraceparent(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, sampled: true });
    expect(parseTraceparent(`00-${traceId}-${spanId}-00`)).toEqual({ traceId, spanId, sampled: false });
  });

  it("ignores flags it does not know and space around the value", () => {
    expect(parseTraceparent(` 00-${traceId}-${spanId}-03\t`)?.sampled).toBe(true);
    expect(parseTraceparent(`00-${traceId}-${spanId}-fe`)?.sampled).toBe(false);
  });

  it("reads later versions, with or without more fields", () => {
    expect(parseTraceparent(`01-${traceId}-${spanId}-01`)?.traceId).toBe(traceId);
    expect(parseTraceparent(`cc-${traceId}-${spanId}-01-what-comes-later`)?.spanId).toBe(spanId);
  });

  it.each([
    ["nothing", ""],
    ["version ff", `ff-${traceId}-${spanId}-01`],
    ["more fields in version 00", `00-${traceId}-${spanId}-01-more`],
    ["an all-zero trace id", `00-${"0".repeat(32)}-${spanId}-01`],
    ["an all-zero span id", `00-${traceId}-${"0".repeat(16)}-01`],
    ["upper case", `00-${traceId.toUpperCase()}-${spanId}-01`],
    ["a short trace id", `00-${traceId.slice(1)}-${spanId}-01`],
    ["a long span id", `00-${traceId}-${spanId}0-01`],
    ["missing flags", `00-${traceId}-${spanId}`],
    ["extra text without a dash", `01-${traceId}-${spanId}-01x`],
  ])("refuses %s", (_, value) => expect(parseTraceparent(value)).toBeUndefined());

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
  const origin = {
    jobId: "0190163d-8694-739b-aea5-966c26f8ad90",
    taskId: "0190163d-8694-739b-aea5-966c26f8ad91",
    attempt: 7,
  };
  const member = `spanloom=${origin.jobId}_${origin.taskId}_7`;

  it("goes in front and keeps the others in order", () => {
    expect(withOrigin("", origin)).toBe(member);
    expect(withOrigin("a=1, b=2,,", origin)).toBe(`${member},a=1,b=2`);
  });

  it("replaces the one that is there", () => {
    expect(withOrigin(`a=1,${member}`, { ...origin, attempt: 8 })).toBe(`${member.slice(0, -1)}8,a=1`);
  });

  it("keeps within the 32 members that W3C allows, dropping the last", () => {
    const full = Array.from({ length: 32 }, (_, at) => `k${at}=v`).join(",");
    const members = withOrigin(full, origin).split(",");
    expect(members).toHaveLength(32);
    expect(members.at(-1)).toBe("k30=v");
  });

  it("keeps within the 512 characters that SDKs take, leaving out what does not fit", () => {
    const tracestate = `a=${"x".repeat(300)},b=${"y".repeat(200)},c=1`;
    expect(withOrigin(tracestate, origin)).toBe(`${member},a=${"x".repeat(300)},c=1`);
  });

  it("is read back wherever it stands", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), fc.integer({ min: 1, max: 2 ** 32 - 1 }), (jobId, taskId, attempt) => {
        const mine = { jobId, taskId, attempt };
        expect(originOf(`a=1 , ${withOrigin("b=2", mine)}`)).toEqual(mine);
      }),
    );
  });

  it.each(["", "a=1", "spanloom=", "spanloom=x_y_1", "xspanloom=1", `spanloom=${origin.jobId}_${origin.taskId}_`])(
    "finds none in %j",
    (tracestate) => expect(originOf(tracestate)).toBeUndefined(),
  );
});
