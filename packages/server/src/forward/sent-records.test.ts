import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seed } from "../telemetry/ingest/testing/otlp-arbitraries.ts";
import { SentRecords } from "./sent-records.ts";

describe("SentRecords", () => {
  it("knows what each record said last, as a map would", () => {
    // Few keys, some with the same low bits, and those that meet at the end of the table.
    const key = fc.constantFrom(1n, 2n, 2n ** 32n + 1n, 2n ** 63n + 1n, 2n ** 19n - 1n, 2n ** 64n - 1n, 2n ** 33n - 1n);
    const content = fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 63n);
    const told = fc.property(fc.array(fc.tuple(key, content)), fc.tuple(key, content), (all, [asked, said]) => {
      const [sent, model] = [new SentRecords(), new Map<bigint, bigint>()];
      for (const [record, what] of all) {
        sent.add(record, what);
        model.set(record, what % 2n ** 32n);
      }
      expect(sent.has(asked, said)).toBe(model.get(asked) === said % 2n ** 32n);
    });
    fc.assert(told, { seed });
  });

  it("remembers the latest quarter of a million, and forgets the oldest", () => {
    const sent = new SentRecords();
    for (let i = 1n; i <= 1_000_000n; i++) sent.add(i * 0x9e3779b97f4a7c15n, i);
    const known = (i: bigint) => sent.has(i * 0x9e3779b97f4a7c15n, i);
    for (let i = 1_000_000n; i > 1_000_000n - 262_144n; i--) expect(known(i)).toBe(true);
    expect(known(1n)).toBe(false);
    expect(known(400_000n)).toBe(false);
  });
});
