import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attribute, type FixtureValue, rowsOf, span, tracePayload } from "./otlp-fixture.ts";
import { OtlpReader } from "./otlp-reader.ts";
import { seed } from "./testing/otlp-arbitraries.ts";

const jobId = "01890000-0000-7000-8000-0000000000aa";
const taskId = "01890000-0000-7000-8000-0000000000bb";

/** What spans of attempts of kind `n` end with. */
function ending(n: number) {
  return [
    attribute("spanloom.task.attempt", BigInt(1 + (n % 2))),
    attribute("spanloom.job.id", jobId.replace("aa", `a${n % 10}`)),
    attribute("spanloom.task.name", "é".repeat(n)),
    attribute("spanloom.queue", n % 3 === 0 ? [1n, { map: [["a", 2.5]] }] : "default"),
    attribute("spanloom.span.type", "user"),
  ];
}

const values: FixtureValue[] = ["text", 7n, true, 0.5, "spanloom", [1n, "x"]];
const keys = ["a", "rows", "spanloom.task.id", "spanloom.queue", "spanloom.job.id", "spanloom.span.type", "kind"];
const own = fc
  .tuple(fc.constantFrom(...keys), fc.constantFrom(...values))
  .map(([key, value]) => attribute(key, key === "spanloom.task.id" ? taskId : value));
const anySpan = fc.record({
  attributes: fc.array(own, { maxLength: 4 }),
  kind: fc.nat({ max: 19 }),
  flags: fc.constantFrom(0, 0, 0, 1),
  isNamed: fc.boolean(),
});

/** Rows that a reader makes of payloads, one after the other; without what says which payload they are of. */
function rowsOfAll(reader: OtlpReader, payloads: readonly Uint8Array[]): Record<string, unknown>[] {
  for (const bytes of payloads) reader.readTraces(bytes, 1);
  return rowsOf(reader.spans.finish()).map(({ version: _, ...row }) => row);
}

describe("attributes that records end with alike", () => {
  it("are read as if no record had ended so before", () => {
    fc.assert(
      fc.property(fc.array(fc.array(anySpan, { minLength: 1, maxLength: 12 }), { maxLength: 4 }), (payloads) => {
        const spans = payloads.map((some, p) =>
          some.map(({ attributes, kind, flags, isNamed }, i) =>
            span(100 * p + i + 1, { attributes: [...attributes, ...(isNamed ? ending(kind) : [])], flags }),
          ),
        );
        const together = rowsOfAll(
          new OtlpReader(),
          spans.map((some) => tracePayload(some)),
        );
        const alone = spans.flat().flatMap((each) => rowsOfAll(new OtlpReader(), [tracePayload([each])]));
        expect(together).toEqual(alone);
      }),
      { numRuns: 40, seed },
    );
  });

  it("are forgotten with a payload that is refused, and refused again", () => {
    const reader = new OtlpReader();
    const sound = tracePayload([span(1, { attributes: ending(1) }), span(2, { attributes: ending(1) })]);
    const broken = sound.slice();
    const at = Buffer.from(broken).indexOf("default");
    broken[at] = 0xff;
    broken[Buffer.from(broken).indexOf("default")] = 0xff;
    for (let i = 0; i < 2; i++) expect(() => reader.readTraces(broken, 1)).toThrow(/not UTF-8/);
    expect(rowsOfAll(reader, [sound]).map(({ queue }) => queue)).toEqual(["default", "default"]);
  });

  it("count as attributes of every record", () => {
    const nested: FixtureValue = Array.from({ length: 300 }, () => true);
    const many = [...ending(1), attribute("nested", nested)];
    const spans = Array.from({ length: 7_000 }, (_, i) => span(i + 1, { attributes: many }));
    expect(() => new OtlpReader().readTraces(tracePayload(spans), 1)).toThrow(/more than 2097152 records/);
  });
});
