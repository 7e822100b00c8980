import { describe, expect, it } from "vitest";
import { attributeConditions, attributeText, durationMs } from "./condition-text.ts";

describe("conditions on attributes", () => {
  it("are read as people write them", () => {
    expect(attributeConditions('http.route=/jobs, n >= 5,region~eu,, retried, !debug, "quoted, key"=1')).toEqual([
      { attributes: { "http.route": { eq: "/jobs" } } },
      { attributes: { n: { gte: 5 } } },
      { attributes: { region: { contains: "eu" } } },
      { attributes: { retried: { exists: true } } },
      { not: { attributes: { debug: { exists: true } } } },
      { or: [{ attributes: { '"quoted, key"': { eq: 1 } } }, { attributes: { '"quoted, key"': { eq: "1" } } }] },
    ]);
    expect(attributeConditions("")).toEqual([]);
  });

  it("with numbers find them as numbers and as text, in quotes as text alone", () => {
    expect(attributeConditions('code=500, code!=true, code="5,0"')).toEqual([
      { or: [{ attributes: { code: { eq: 500 } } }, { attributes: { code: { eq: "500" } } }] },
      { and: [{ attributes: { code: { ne: true } } }, { attributes: { code: { ne: "true" } } }] },
      { attributes: { code: { eq: "5,0" } } },
    ]);
    expect(attributeConditions("n=9007199254740993")).toEqual([
      { or: [{ attributes: { n: { eq: 9007199254740993n } } }, { attributes: { n: { eq: "9007199254740993" } } }] },
    ]);
  });

  it("that are none are told", () => {
    expect(() => attributeConditions("=5")).toThrow("“=5” is no condition");
  });

  it.each(["plain", "", 'say "hi", then go', " spaced "])("written for the value %j are read back", (value) => {
    expect(attributeConditions(attributeText("k", value))).toEqual([{ attributes: { k: { eq: value } } }]);
  });

  it("written for no value are read back", () => {
    expect(attributeConditions(attributeText("k", null))).toEqual([{ not: { attributes: { k: { exists: true } } } }]);
  });
});

it("lengths of time are read in any unit, and refused with the way to write them", () => {
  expect(["250", "250ms", "1.5s", "2m", "3.15µs", "1d", "7ns"].map(durationMs)).toEqual([
    250, 250, 1_500, 120_000, 0.00315, 86_400_000, 0.000007,
  ]);
  expect(() => durationMs("soon")).toThrow("write 250ms");
});
