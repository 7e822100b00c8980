import type { ComparisonColumns } from "@spanloom/query";
import type { Table } from "apache-arrow";
import { expect, test } from "vitest";
import { comparisonText } from "./comparison-text.ts";

/** A name with the milliseconds of its spans; negative ones are open. */
const row = (name: string, change: string, base: readonly number[], all: readonly number[]) => {
  const other = all.filter((ms) => ms >= 0);
  const sum = (each: readonly number[]) => BigInt(each.reduce((total, ms) => total + ms, 0) * 1e6);
  const mean = (each: readonly number[]) => (each.length === 0 ? null : Number(sum(each)) / each.length);
  return {
    name,
    change,
    base_count: BigInt(base.length),
    other_count: BigInt(all.length),
    base_mean_ns: mean(base),
    other_mean_ns: mean(other),
    base_sum_ns: sum(base),
    other_sum_ns: sum(other),
    sum_delta_ns: sum(other) - sum(base),
  };
};

test("a comparison shows counts, means and totals of both sides, and the difference", () => {
  const rows = [
    row("download", "slower", [75, 75], [130, 130]),
    row("parse", "faster", [21], [0.5]),
    row("store", "same", [5], [5]),
    row("upload", "appeared", [], [1_200, 300]),
    row("plan", "vanished", [18], []),
    row("wait", "open", [], [-1, -1]),
  ];
  expect(comparisonText(rows as unknown as Table<ComparisonColumns>)).toBe(
    [
      "NAME      CHANGE    COUNT              MEAN                    TOTAL  DIFFERENCE",
      "download  slower        2    75 ms → 130 ms  +73 %   150 ms → 260 ms     +110 ms",
      "parse     faster        1  21 ms → 500.0 us  -98 %  21 ms → 500.0 us      -21 ms",
      "store     same          1              5 ms                     5 ms           -",
      "upload    appeared  0 → 2        - → 750 ms                - → 1.5 s      +1.5 s",
      "plan      vanished  1 → 0         18 ms → -                18 ms → -      -18 ms",
      "wait      open      0 → 2                 -                        -           -",
      "",
    ].join("\n"),
  );
});
