import { createRouterTransport } from "@connectrpc/connect";
import { type AggregateSpansRequest, type CompareJobsRequest, Measure, QueryService } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import type { AggregateInput } from "./aggregate-schema.ts";
import { QueryClient } from "./query-client.ts";
import { type SampleSpan, sampleChunk, spanIdFor } from "./testing/sample-spans.ts";

const sample = (index: number): SampleSpan => ({
  spanId: spanIdFor(index),
  name: `n${index}`,
  startNs: BigInt(index),
  endNs: BigInt(index + 5),
});

/** A server that notes what it is asked. */
function serve() {
  const asked: { aggregate?: AggregateSpansRequest; compare?: CompareJobsRequest } = {};
  const transport = createRouterTransport(({ service }) => {
    service(QueryService, {
      async *aggregateSpans(request) {
        asked.aggregate = request;
        yield { chunk: sampleChunk([sample(1)]) };
      },
      async *compareJobs(request) {
        asked.compare = request;
        yield { chunk: sampleChunk([sample(1)]) };
      },
    });
  });
  return { client: new QueryClient({ transport }), asked };
}

describe("aggregates", () => {
  it("send the conditions, the keys, the measures, the time and the order", async () => {
    const { client, asked } = serve();
    const table = await client
      .spans({ job: "j" })
      .where({ status: "ERROR" })
      .aggregate({
        groupBy: ["name", { attribute: "http.status", as: "code", type: "int64", resource: true }],
        measures: ["count", "p99"],
        timeBucketMs: 1_500,
        orderBy: { column: "p99_ns", descending: true },
        limit: 3,
      })
      .toArrow();
    expect(table.numRows).toBe(1);
    expect(asked.aggregate).toMatchObject({
      filter: { and: [{ jobIds: ["j"] }, { statuses: [3] }] },
      groupBy: [
        { key: { case: "column", value: "name" } },
        { key: { case: "attribute", value: { key: "http.status", as: "code", type: 2, resource: true } } },
      ],
      measures: [Measure.COUNT, Measure.P99],
      timeBucket: { seconds: 1n, nanos: 500_000_000 },
      orderBy: [{ column: "p99_ns", descending: true }],
      limit: 3n,
    });
  });

  it("of nothing but conditions ask for every measure of all spans", () => {
    const request = serve().client.spans().aggregate({}).toRequest();
    expect(request).toMatchObject({ groupBy: [], measures: [], orderBy: [], limit: 0n });
    expect(request.timeBucket).toBeUndefined();
  });

  it.each<[object, string]>([
    [{ measures: ["p42"] }, 'measures "p42" is not one of count, errors'],
    [{ measures: ["constructor"] }, 'measures "constructor" is not one of'],
    [{ timeBucketMs: Number.NaN }, "timeBucketMs NaN is not a number of milliseconds"],
    [{ timeBucketMs: -1 }, "timeBucketMs -1 is not a number of milliseconds"],
    [{ groupBy: [{ attribute: "" }] }, 'attribute "" is not a key'],
    [{ limit: 0.5 }, "limit 0.5 is not a whole number"],
    [{ groupby: ["name"] }, 'aggregate "groupby" is not one of groupBy, measures'],
  ])("refuse %j before anything is sent", async (input, message) => {
    const { client, asked } = serve();
    await expect(
      client
        .spans()
        .aggregate(input as AggregateInput)
        .toArrow(),
    ).rejects.toThrow(`cannot query: ${message}`);
    expect(asked.aggregate).toBeUndefined();
  });

  it("refuse what only rows can have", () => {
    const { client } = serve();
    for (const spans of [client.spans({ limit: 1 }), client.spans().orderBy("name"), client.spans().columns("name")]) {
      expect(() => spans.aggregate({}).toRequest()).toThrow("follows columns, orderBy or limit of spans");
    }
  });
});

it("a comparison names its jobs", async () => {
  const { client, asked } = serve();
  await client.compare({ base: "a", other: "b" }).toArrow();
  expect(asked.compare).toMatchObject({ baseJobId: "a", otherJobId: "b" });
});
