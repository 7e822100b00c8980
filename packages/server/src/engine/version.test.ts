import { expect, test } from "vitest";
import { formatVersion, parseVersion, quote, versionMatches } from "./version.ts";

test("a version is major.minor, and 1.0 when empty", () => {
  expect(parseVersion("", "f")).toEqual({ major: 1, minor: 0 });
  expect(parseVersion("12.345", "f")).toEqual({ major: 12, minor: 345 });
  expect(formatVersion({ major: 2, minor: 7 })).toBe("2.7");
});

test.each(["1", "1.", ".1", "1.2.3", "v1.0", "01.0", "1.-1", " 1.0", "1.0\n", "1e3.0", "9999999999.0"])(
  "%j is refused, quoted and named by field",
  (text) => {
    expect(() => parseVersion(text, "specs[3].version")).toThrow(`specs[3].version is ${JSON.stringify(text)}`);
  },
);

test("code runs tasks of its major version and at most its minor", () => {
  expect(versionMatches({ major: 1, minor: 4 }, { major: 1, minor: 4 })).toBe(true);
  expect(versionMatches({ major: 1, minor: 5 }, { major: 1, minor: 4 })).toBe(true);
  expect(versionMatches({ major: 1, minor: 3 }, { major: 1, minor: 4 })).toBe(false);
  expect(versionMatches({ major: 2, minor: 4 }, { major: 1, minor: 4 })).toBe(false);
});

test("quoted values are cut, so that no message grows with its input", () => {
  expect(quote("x".repeat(1_000)).length).toBe(66);
});
