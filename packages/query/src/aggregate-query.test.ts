import { createRouterTransport } from "@connectrpc/connect";
import {
  type AggregateSpansRequest,
  type CompareJobsRequest,
  Measure,
  QueryService,
  type TailSpansRequest,
} from "@spanloom/protocol";
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

/** A server that notes what it is asked, and tails without an end. */
function serve() {
  const asked: { aggregate?: AggregateSpansRequest; compare?: CompareJobsRequest; tail?: TailSpansRequest } = {};
  const served = { tailEnded: false };
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
      async *tailSpans(request, { signal }) {
        asked.tail = request;
        signal.addEventListener("abort", () => {
          served.tailEnded = true;
        });
        yield { chunk: sampleChunk([]) };
        for (let index = 0; !signal.aborted; index++) {
          yield { chunk: sampleChunk([sample(index)]) };
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    });
  });
  return { client: new QueryClient({ transport }), asked, served };
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

describe("a tail", () => {
  it("gives batch after batch until the loop is left, and ends the call then", async () => {
    const { client, asked, served } = serve();
    const names: unknown[] = [];
    for await (const batch of client.spans({ open: true }).columns("name").tail({ existing: true }).stream()) {
      names.push(batch.getChild("name")?.get(0));
      if (names.length === 3) break;
    }
    expect(names).toEqual(["n0", "n1", "n2"]);
    expect(asked.tail).toMatchObject({ filter: { open: true }, columns: ["name"], includeExisting: true });
    await expect.poll(() => served.tailEnded).toBe(true);
  });

  it("rejects with the signal's reason when it is aborted", async () => {
    const { client } = serve();
    const controller = new AbortController();
    const running = (async () => {
      for await (const _ of client.spans().tail().stream({ signal: controller.signal }))
        controller.abort(new Error("enough"));
    })();
    await expect(running).rejects.toThrow("enough");
  });

  it("refuses what has no meaning without an end", () => {
    const { client } = serve();
    expect(() => client.spans({ limit: 1 }).tail().toRequest()).toThrow("limit 1 has no meaning for a tail");
    expect(() => client.spans().orderBy("name").tail().toRequest()).toThrow("cannot be kept by a tail");
    expect(() => client.spans().columns({ attribute: "a" }).tail().toRequest()).toThrow("does not project");
  });
});
