import { describe, expect, it } from "vitest";
import { HeldBytes } from "./held-bytes.ts";
import { RefusalLog } from "./refusal-log.ts";
import { WebhookCounts } from "./webhook-counts.ts";

describe("the log of refusals", () => {
  it("tells each reason of each webhook once a minute, with how many came since", () => {
    const lines: string[] = [];
    let us = 0;
    const log = new RefusalLog(
      (line) => lines.push(line),
      () => us,
    );
    for (const what of ["a", "b", "a", "a"]) log.tell(what, `refused ${what}`);
    expect(lines).toEqual(["refused a", "refused b"]);
    us = 60_000_000;
    log.tell("a", "refused a");
    log.tell("b", "refused b");
    expect(lines.slice(2)).toEqual(["refused a (and 2 more since the last such line)", "refused b"]);
    // Set back, the clock does not silence it.
    us = -60_000_000;
    log.tell("a", "refused a");
    expect(lines).toHaveLength(5);
  });

  it("remembers no more than a thousand", () => {
    const lines: string[] = [];
    const log = new RefusalLog(
      (line) => lines.push(line),
      () => 0,
    );
    for (let i = 0; i <= 1_000; i++) log.tell(`${i}`, "refused");
    log.tell("1000", "refused");
    expect(lines).toHaveLength(1_001);
    log.tell("0", "refused");
    expect(lines).toHaveLength(1_002);
  });
});

describe("counts of deliveries", () => {
  it("are by name for a hundred webhooks, and together for the rest", () => {
    const counts = new WebhookCounts();
    for (let i = 0; i < 150; i++) counts.add(`hook-${i}`, "accepted");
    const all = [...counts.entries()];
    expect(new Set(all.map(({ name }) => name)).size).toBe(100);
    expect(all.find(({ name, outcome }) => name === "" && outcome === "accepted")?.count).toBe(51);
    expect(all.reduce((sum, { count }) => sum + count, 0)).toBe(150);
  });
});

describe("bytes that deliveries hold", () => {
  it("are given back when a delivery is over, and bounded for all together", () => {
    const held = new HeldBytes(10);
    {
      using first = held.begin();
      first.add(6);
      using second = held.begin();
      second.add(4);
      expect(() => second.add(1)).toThrow("deliveries hold 11 bytes, limit 10");
      expect(held.bytes).toBe(11);
    }
    expect(held.bytes).toBe(0);
  });
});
