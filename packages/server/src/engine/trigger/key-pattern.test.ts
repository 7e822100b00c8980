import { SpanloomError } from "@spanloom/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  checkKey,
  checkKeyPattern,
  checkPublishedKey,
  keyIndex,
  keyMatches,
  keyQuery,
  mayMatch,
} from "./key-pattern.ts";

test.each([
  ["order.paid", "order.paid", true],
  ["order.paid", "order.paid.late", false],
  ["order.paid", "order", false],
  ["order.*", "order.paid", true],
  ["order.*", "order", false],
  ["order.*", "order.paid.late", false],
  ["*.paid", "order.paid", true],
  ["*.paid", "order.item.paid", false],
  ["order.**", "order.paid", true],
  ["order.**", "order.paid.late.again", true],
  ["order.**", "order", false],
  ["order.**", "orders.paid", false],
  ["**", "anything.at.all", true],
  ["**.failed", "spanloom.job.failed", true],
  ["**.failed", "failed", false],
  ["a.**.z", "a.b.z", true],
  ["a.**.z", "a.b.c.z", true],
  ["a.**.z", "a.z", false],
  ["a.**.z", "a.z.z.z", true],
  ["a.**.b.*.**", "a.b.b.b.c", true],
  ["a.**.b.*.**", "a.x.b.c", false],
  ["order.+", "order.paid", false],
  ["order.(paid)", "order.(paid)", true],
  ["order.__proto__", "order.__proto__", true],
  ["order.paid", "order.constructor", false],
])("pattern %s and key %s", (pattern, key, matches) => {
  expect(keyMatches(pattern, key)).toBe(matches);
});

test("of many patterns a key finds those it matches, in their order and each once", () => {
  const find = keyIndex(["order.paid", "**", "order.*", "*.paid", "job.**", "**.paid", "order.paid", "**.**"]);
  expect(find("order.paid")).toEqual([0, 1, 2, 3, 5, 6, 7]);
  expect(find("order.paid")).toEqual([0, 1, 2, 3, 5, 6, 7]);
  expect(find("job")).toEqual([1]);
  expect(find("constructor")).toEqual([1]);
});

const segment = fc.constantFrom("a", "b", "c", "a+", "x[y]", "é");
const key = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join("."));
const pattern = fc
  .array(fc.oneof(segment, fc.constantFrom("*", "**")), { minLength: 1, maxLength: 5 })
  .map((segments) => segments.join("."));

/** What a pattern means, as one would say it. */
function matchesAsTold(pattern: readonly string[], key: readonly string[]): boolean {
  const [first, ...others] = pattern;
  if (first === undefined) return key.length === 0;
  if (key.length === 0) return false;
  if (first === "**") return key.some((_, index) => matchesAsTold(others, key.slice(index + 1)));
  return (first === "*" || first === key[0]) && matchesAsTold(others, key.slice(1));
}

test("index, matcher and query agree on what a pattern means", () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 8 }), key, (patterns, key) => {
      const told = patterns.flatMap((pattern, place) =>
        matchesAsTold(pattern.split("."), key.split(".")) ? [place] : [],
      );
      expect(keyIndex(patterns)(key)).toEqual(told);
      for (const [place, pattern] of patterns.entries()) {
        const { keyPrefix = "", keyRegex } = keyQuery(pattern);
        const queried = key.startsWith(keyPrefix) && (!keyRegex || new RegExp(`^(?:${keyRegex})$`).test(key));
        expect(queried).toBe(told.includes(place));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a query of a key or of all that begins alike needs little", () => {
  expect(keyQuery("order.paid")).toEqual({ keyPrefix: "order.paid", keyRegex: "order[.]paid" });
  expect(keyQuery("order.**")).toEqual({ keyPrefix: "order." });
  expect(keyQuery("order.*.late")).toEqual({ keyPrefix: "order.", keyRegex: "order[.][^.][^.]*[.]late" });
});

test.each([
  ["spanloom.job.failed", true],
  ["spanloom.job.*", true],
  ["spanloom.**", true],
  ["**", true],
  ["*.job.*", true],
  ["**.failed", true],
  ["spanloom.*.**", true],
  ["spanloom.job", false],
  ["spanloom.*", false],
  ["order.**", false],
  ["*", false],
  ["spanloom.task.**", false],
])("pattern %s may match events of jobs: %s", (pattern, may) => {
  expect(mayMatch(pattern, "spanloom.job.")).toBe(may);
});

test("a pattern of many stars is no way to keep the index busy", () => {
  const patterns = Array.from({ length: 200 }, (_, index) => `**.**.**.**.${index}`);
  const find = keyIndex(patterns);
  const keys = Array.from({ length: 200 }, (_, index) => `${"a.".repeat(120)}${index}`);
  expect(keys.every((key, index) => find(key)[0] === index)).toBe(true);
});

test.each(["order", "order.paid", "Bestellung.größe", "a-b_c:d/e.1", "spanloom.job.failed"])("%s is a key", (key) => {
  expect(() => checkKey(key, "key")).not.toThrow();
});

test.each([
  ["", 'is "": a segment is empty'],
  ["order.", 'is "order.": a segment is empty'],
  [".order", 'is ".order": a segment is empty'],
  ["order..paid", 'is "order..paid": a segment is empty'],
  ["order.*", 'is "order.*": "*" is no segment'],
  ["order paid", 'is "order paid": "order paid" is no segment'],
  ["order\n", 'is "order\\n": "order\\n" is no segment'],
  ["order.\u0000", "is no segment"],
  ["order.\u200b", "is no segment"],
  ["order.\ud800", "is no segment"],
])("%j is no key", (key, problem) => {
  const error = refusal(() => checkKey(key, "events[0].key"));
  expect(error.reason).toBe("INVALID_FIELD");
  expect(error.facts.field).toBe("events[0].key");
  expect(error.message).toContain(problem);
});

test("nobody publishes under keys of the server's own", () => {
  expect(refusal(() => checkPublishedKey("spanloom.job.failed", "key")).message).toContain("are the server's own");
  expect(refusal(() => checkPublishedKey("spanloom", "key")).facts.field).toBe("key");
  expect(() => checkPublishedKey("spanlooms.job", "key")).not.toThrow();
});

test("a key is no longer than 256 bytes", () => {
  expect(() => checkKey("k".repeat(256), "key")).not.toThrow();
  expect(refusal(() => checkKey("é".repeat(129), "key"))).toMatchObject({
    reason: "LIMIT_EXCEEDED",
    facts: { field: "key", limit: 256, actual: 258 },
  });
});

test.each(["order.*", "**", "*.*.x.**", "order.paid"])("%s is a pattern", (pattern) => {
  expect(() => checkKeyPattern(pattern, "key_pattern")).not.toThrow();
});

test.each(["order-*", "***", "a.*b", "", "a..b"])("%j is no pattern", (pattern) => {
  expect(refusal(() => checkKeyPattern(pattern, "key_pattern")).facts.field).toBe("key_pattern");
});

test("a pattern has at most four segments **", () => {
  expect(refusal(() => checkKeyPattern("**.**.**.**.**", "key_pattern")).message).toContain(
    "key_pattern has 5 segments **, limit 4",
  );
});

function refusal(run: () => void): SpanloomError {
  try {
    run();
  } catch (error) {
    if (error instanceof SpanloomError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}
