import { createRouterTransport } from "@connectrpc/connect";
import { type AggregateSpansRequest, Measure, QueryService } from "@spanloom/protocol";
import { QueryClient } from "@spanloom/query";
import { Int64, makeData, Table, TimestampNanosecond, tableToIPC, Utf8, Vector, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { type Asking, askAllTime, askGroups, askGroupsOverTime, askOverTime, askTotals } from "./ask-explore.ts";
import { groupKeys } from "./group-key.ts";
import { measures, shownMeasures } from "./measures.ts";

type Columns = Readonly<Record<string, readonly (string | bigint | number | null)[]>>;

/** What to ask of a server that answers with these columns, and what it was asked. */
function serverOf(columns: Columns): { asking: Asking; asked: AggregateSpansRequest[] } {
  const asked: AggregateSpansRequest[] = [];
  const transport = createRouterTransport(({ service }) =>
    service(QueryService, {
      async *aggregateSpans(request) {
        asked.push(request);
        const vectors = Object.entries(columns).map(([name, cells]) => [name, vectorOf(name, cells)]);
        yield { chunk: { ipc: tableToIPC(new Table(Object.fromEntries(vectors)), "stream"), rows: 0n } };
      },
    }),
  );
  const client = new QueryClient({ transport });
  return { asking: { client, conditions: {}, signal: new AbortController().signal }, asked };
}

function vectorOf(name: string, cells: readonly (string | bigint | number | null)[]): Vector {
  if (name === "time_bucket") {
    // Arrow's builder of times takes milliseconds, and answers have nanoseconds.
    const data = BigInt64Array.from(cells as readonly bigint[]);
    return new Vector([makeData({ type: new TimestampNanosecond("UTC"), length: cells.length, data })]);
  }
  return vectorFromArray([...cells], cells.some((cell) => typeof cell === "string") ? new Utf8() : new Int64());
}

const ms = (at: number) => BigInt(at) * 1_000_000n;

describe("what is asked of a server", () => {
  it("is what all spans come to", async () => {
    const { asking, asked } = serverOf({
      count: [5n],
      errors: [1n],
      p50_ns: [7n],
      p95_ns: [8n],
      p99_ns: [null],
      max_ns: [9n],
    });
    expect(await askTotals(asking)).toEqual({ count: 5, errors: 1, p50: 7, p95: 8, p99: null, max: 9 });
    expect(asked[0]?.groupBy).toEqual([]);
  });

  it("is when spans were, closer until it is filled, and nothing where there is none", async () => {
    const day = 86_400_000;
    const { asking, asked } = serverOf({ time_bucket: [ms(2 * day), ms(5 * day)], count: [1n, 1n] });
    // Days are four; by steps of half an hour, of which there are 192 then, it is a little more than three.
    expect(await askAllTime(asking)).toEqual({ fromMs: 2 * day, toMs: 5 * day + 1_800_000 });
    expect(asked).toHaveLength(2);
    const moment = serverOf({ time_bucket: [ms(2 * day)], count: [1n] });
    // A day, then 10 minutes, 5 s, 50 ms and 10 ms of it, shown with a second around it.
    expect(await askAllTime(moment.asking)).toEqual({ fromMs: 2 * day - 495, toMs: 2 * day + 505 });
    expect(moment.asked).toHaveLength(5);
    expect(await askAllTime(serverOf({ time_bucket: [], count: [] }).asking)).toBeUndefined();
  });

  it("is a value for each bucket, none of a percentile where no span is", async () => {
    const { asking } = serverOf({
      time_bucket: [ms(1_000), ms(3_000), ms(9_000)],
      count: [4n, 2n, 1n],
      errors: [1n, 0n, 0n],
      ...Object.fromEntries(["p50_ns", "p90_ns", "p95_ns", "p99_ns"].map((name) => [name, [5n, null, 1n]])),
    });
    const { values } = await askOverTime(asking, [1_000, 2_000, 3_000], 1_000);
    expect(values).toMatchObject({ count: [4, 0, 2], errors: [1, 0, 0], p50: [5, null, null] });
  });
});

describe("groups", () => {
  const keys = groupKeys({ group: "name" });
  const columns = { name: ["a", "b", "c"], count: [9n, 4n, 1n], errors: [1n, 4n, 0n], p50_ns: [3n, 2n, 1n] };

  it("are as many as wanted, by the column they are sorted by, and it is known whether there are more", async () => {
    const { asking, asked } = serverOf(columns);
    const list = await askGroups(asking, { keys, shown: shownMeasures(["p50"]), sort: "-p50_ns", limit: 2 });
    expect(list.groups.map(({ values }) => values)).toEqual([["a"], ["b"]]);
    expect(list.more).toBe(true);
    expect(asked[0]).toMatchObject({ limit: 3n, orderBy: [{ column: "p50_ns", descending: true }] });
    expect(asked[0]?.measures).toEqual([Measure.COUNT, Measure.P50]);
  });

  it("by their rate of errors are those with the most errors, in the order of the rate", async () => {
    const { asking, asked } = serverOf(columns);
    const list = await askGroups(asking, { keys, shown: shownMeasures(["error_rate"]), sort: "-error_rate", limit: 9 });
    expect(list.groups.map(({ values, measured }) => [values[0], measured.error_rate])).toEqual([
      ["b", 1],
      ["a", 1 / 9],
      ["c", 0],
    ]);
    expect(asked[0]?.orderBy).toMatchObject([{ column: "errors", descending: true }]);
  });

  it("sorted by a column that is not there are sorted by their size", async () => {
    const { asking, asked } = serverOf(columns);
    await askGroups(asking, { keys, shown: shownMeasures([]), sort: "p99_ns", limit: 9 });
    expect(asked[0]?.orderBy).toMatchObject([{ column: "count", descending: true }]);
  });

  it("over time are lines in the order asked for, nothing where a group has no spans", async () => {
    const { asking } = serverOf({
      time_bucket: [ms(1_000), ms(2_000), ms(2_000)],
      name: ["a", "a", "b"],
      count: [1n, 2n, 3n],
      errors: [1n, 0n, 3n],
    });
    const [count, rate] = ["count", "error_rate"].map((name) => measures.find(({ measure }) => measure === name)!);
    const groups = [["b"], ["a"], ["gone"]].map((values) => ({ values, measured: {} }));
    const place = { keys, starts: [1_000, 2_000], stepMs: 1_000 };
    expect(await askGroupsOverTime(asking, { ...place, measure: count! }, groups)).toEqual([
      [0, 3],
      [1, 2],
      [0, 0],
    ]);
    expect(await askGroupsOverTime(asking, { ...place, measure: rate! }, groups)).toEqual([
      [null, 1],
      [1, 0],
      [null, null],
    ]);
  });
});
