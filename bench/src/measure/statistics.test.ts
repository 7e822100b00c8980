import { expect, test } from "vitest";
import { cpuTicks, peakRssKb, processUsage } from "./process-usage.ts";
import { median, medianOf, percentile, rounded } from "./statistics.ts";

test("percentiles are values that occurred, by nearest rank", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([percentile(values, 0), percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([
    1, 50, 99, 100,
  ]);
  expect(percentile([], 0.5)).toBeNaN();
});

test("a median of an even number of values is the lower middle one", () => {
  expect(median([4, 1, 3, 2])).toBe(2);
});

test("figures keep their significant digits only", () => {
  expect([rounded(12345.678), rounded(0.00123456)]).toEqual([12350, 0.001235]);
});

test("medians are taken leaf by leaf", () => {
  const runs = [
    { a: 1, b: { c: 10 } },
    { a: 3, b: { c: 30 } },
    { a: 2, b: { c: 20 } },
  ];
  expect(medianOf(runs)).toEqual({ a: 2, b: { c: 20 } });
});

test("CPU time and peak memory are read past a program's name that looks like fields", () => {
  expect(cpuTicks("12 (a) b 1 2) S 1 1 1 0 -1 4194304 100 0 0 0 70 30 0 0 20")).toBe(100);
  expect(peakRssKb("Name:\tnode\nVmHWM:\t  2048 kB\n")).toBe(2048);
});

test("this process has used some CPU and memory", async () => {
  const usage = await processUsage(process.pid);
  expect(usage.cpuSeconds).toBeGreaterThan(0);
  expect(usage.peakRssMb).toBeGreaterThan(10);
});
