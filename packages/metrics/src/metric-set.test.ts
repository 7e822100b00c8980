import { describe, expect, it } from "vitest";
import type { Catalogue } from "./catalogue.ts";
import { Distribution } from "./distribution.ts";
import { MetricSet, overflow } from "./metric-set.ts";

const catalogue = {
  "a.count": { kind: "counter", unit: "{a}", about: "As." },
  "a.depth": { kind: "updown", unit: "{a}", about: "As that wait." },
  "a.age": { kind: "gauge", unit: "s", about: "Age." },
  "a.duration": { kind: "histogram", unit: "s", about: "How long.", boundaries: [1, 10] },
} as const satisfies Catalogue;

function newSet() {
  const lines: string[] = [];
  return { lines, set: new MetricSet(catalogue, { nowMs: () => 5, log: (line) => lines.push(line) }) };
}

describe("a set of metrics", () => {
  it("reads its sources when it is collected, in the catalogue's order, and leaves out what has none", async () => {
    const { set } = newSet();
    let count = 1;
    set.observe("a.age", (observe) => observe(3, { queue: "q" }));
    set.observe("a.count", (observe) => observe(count));
    count = 2;
    expect(await set.collect()).toEqual([
      { name: "a.count", entry: catalogue["a.count"], points: [{ attributes: {}, value: 2 }] },
      { name: "a.age", entry: catalogue["a.age"], points: [{ attributes: { queue: "q" }, value: 3 }] },
    ]);
  });

  it("asks beforehand for what is not at hand", async () => {
    const { set } = newSet();
    let depth = 0;
    set.beforehand(async () => {
      depth = 7;
    });
    set.observe("a.depth", (observe) => observe(depth));
    expect((await set.collect())[0]?.points).toEqual([{ attributes: {}, value: 7 }]);
  });

  it("leaves out what cannot be read, and tells it once until it can be read again", async () => {
    const { set, lines } = newSet();
    let isBroken = true;
    set.observe("a.age", (observe) => {
      if (isBroken) throw new Error("no clock");
      observe(1);
    });
    set.observe("a.count", (observe) => observe(1));
    await set.collect();
    expect((await set.collect()).map(({ name }) => name)).toEqual(["a.count"]);
    expect(lines).toEqual(["metrics: cannot read a.age: no clock"]);
    isBroken = false;
    expect((await set.collect()).map(({ name }) => name)).toEqual(["a.count", "a.age"]);
    isBroken = true;
    await set.collect();
    expect(lines).toHaveLength(2);
  });

  it("shows what it has when what it asks for beforehand fails", async () => {
    const { set, lines } = newSet();
    set.beforehand(() => Promise.reject(new Error("no database")));
    set.observe("a.count", (observe) => observe(1));
    expect(await set.collect()).toHaveLength(1);
    expect(lines).toEqual(["metrics: cannot read what is asked for beforehand (1): no database"]);
  });

  it("brings together what is beyond 2,000 series: sums are added, of ages the highest is kept", async () => {
    const { set } = newSet();
    for (let at = 0; at < 2_100; at++) {
      set.observe("a.depth", (observe) => observe(1, { queue: String(at) }));
      set.observe("a.age", (observe) => observe(at, { queue: String(at) }));
      set.distribution("a.duration", { queue: String(at) }).record(at < 2_050 ? 5 : 50);
    }
    const [depth, age, duration] = await set.collect();
    for (const metric of [depth, age, duration]) expect(metric?.points).toHaveLength(2_000);
    expect(depth?.points.at(-1)).toEqual({ attributes: overflow, value: 101 });
    expect(age?.points.at(-1)).toEqual({ attributes: overflow, value: 2_099 });
    const together = duration?.points.at(-1)?.value as Distribution;
    expect([together.counts, together.count, together.sum]).toEqual([[0, 51, 50], 101, 51 * 5 + 50 * 50]);
  });

  it("tells of series that are there and of those made later", () => {
    const { set } = newSet();
    const seen: string[] = [];
    set.distribution("a.duration", { queue: "before" });
    set.onDistribution((name, { attributes }) => seen.push(`${name} ${attributes.queue}`));
    set.distribution("a.duration", { queue: "after" });
    expect(seen).toEqual(["a.duration before", "a.duration after"]);
  });
});

describe("a distribution", () => {
  it("counts a value in the bucket whose bound it does not exceed", () => {
    const distribution = new Distribution([1, 10]);
    for (const value of [0, 1, 1.5, 10, 11]) distribution.record(value);
    distribution.record(2, 3);
    expect(distribution.counts).toEqual([2, 5, 1]);
    expect([distribution.count, distribution.sum]).toEqual([8, 29.5]);
  });

  it("takes what another has, which is empty then", () => {
    const [all, some] = [new Distribution([1]), new Distribution([1])];
    all.record(1);
    some.record(2, 2);
    all.take(some);
    all.take(some);
    expect([all.counts, all.count, all.sum]).toEqual([[1, 2], 3, 5]);
    expect([some.counts, some.count, some.sum]).toEqual([[0, 0], 0, 0]);
  });

  it("gives every value on to whoever asked for them", () => {
    const distribution = new Distribution([1]);
    const values: number[] = [];
    distribution.onRecord = (value) => values.push(value);
    distribution.record(4, 2);
    expect(values).toEqual([4, 4]);
  });
});
