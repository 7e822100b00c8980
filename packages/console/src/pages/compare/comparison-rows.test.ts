import type { ComparisonColumns, ComparisonQuery } from "@spanloom/query";
import { Dictionary, Float64, Int32, Int64, type RecordBatch, Table, Utf8, vectorFromArray } from "apache-arrow";
import { expect, it } from "vitest";
import { MOST_ROWS, readComparison } from "./comparison-rows.ts";

/** A batch of rows that are alike but for their names. */
function batchOf(names: readonly string[], otherMean: number | null): RecordBatch<ComparisonColumns> {
  const text = (values: readonly string[]) => vectorFromArray(values, new Dictionary(new Utf8(), new Int32()));
  const whole = (value: bigint | null) =>
    vectorFromArray(
      names.map(() => value),
      new Int64(),
    );
  const number = (value: number | null) =>
    vectorFromArray(
      names.map(() => value),
      new Float64(),
    );
  const side = (name: "base" | "other", mean: number | null) => {
    const ended = mean === null ? null : BigInt(mean);
    return {
      [`${name}_count`]: whole(2n),
      [`${name}_errors`]: whole(1n),
      [`${name}_sum_ns`]: whole(BigInt(mean ?? 0) * 2n),
      [`${name}_mean_ns`]: number(mean),
      [`${name}_p50_ns`]: whole(ended),
      [`${name}_p95_ns`]: whole(ended),
      [`${name}_max_ns`]: whole(ended),
    };
  };
  const columns = { name: text(names), change: text(names.map(() => "slower")), sum_delta_ns: whole(-7n) };
  const table = new Table({ ...columns, ...side("base", 40), ...side("other", otherMean) });
  return table.batches[0] as unknown as RecordBatch<ComparisonColumns>;
}

function queryOf(...batches: readonly RecordBatch<ComparisonColumns>[]): ComparisonQuery {
  const stream = async function* () {
    yield* batches;
  };
  return { stream } as unknown as ComparisonQuery;
}

it("reads rows with their numbers, and knows where nothing has ended", async () => {
  const { rows, names } = await readComparison(queryOf(batchOf(["work"], null)), new AbortController().signal);
  expect(names).toBe(1);
  expect(rows).toEqual([
    {
      name: "work",
      change: "slower",
      sumDelta: -7,
      base: { count: 2, errors: 1, sum: 80, mean: 40, median: 40, p95: 40, max: 40 },
      other: { count: 2, errors: 1, sum: 0, mean: undefined, median: undefined, p95: undefined, max: undefined },
    },
  ]);
});

it("keeps the first names of many and counts all of them", async () => {
  const many = Array.from({ length: MOST_ROWS - 1 }, (_, at) => `n${at}`);
  const { rows, names } = await readComparison(
    queryOf(batchOf(many, 1), batchOf(["last", "one too many"], 1)),
    new AbortController().signal,
  );
  expect([rows.length, rows.at(-1)?.name, names]).toEqual([MOST_ROWS, "last", MOST_ROWS + 1]);
});
