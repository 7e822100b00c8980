import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import {
  type QueryLogsRequest,
  QueryService,
  type QuerySpansRequest,
  SpanFilterSchema,
  SpanloomError,
  SpanStatus,
  SpanType,
  TriggerType,
  toConnectError,
} from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { QueryClient } from "./query-client.ts";
import { type SampleSpan, sampleChunk, spanIdFor } from "./testing/sample-spans.ts";

function span(index: number): SampleSpan {
  return { spanId: spanIdFor(index), name: `n${index % 3}`, startNs: BigInt(index), endNs: BigInt(index + 5) };
}

interface Served {
  spans: QuerySpansRequest[];
  logs: QueryLogsRequest[];
  headers: Headers[];
  /** How many chunks were produced. */
  chunks: number;
  /** Whether the handler was told to stop. */
  aborted: boolean;
}

function serve(chunkCount: number, fail?: () => unknown): { client: QueryClient; served: Served } {
  const served: Served = { spans: [], logs: [], headers: [], chunks: 0, aborted: false };
  const transport = createRouterTransport(({ service }) => {
    service(QueryService, {
      async *querySpans(request, context) {
        served.spans.push(request);
        served.headers.push(context.requestHeader);
        context.signal.addEventListener("abort", () => {
          served.aborted = true;
        });
        for (let index = 0; index < chunkCount && !context.signal.aborted; index++) {
          served.chunks++;
          yield { chunk: sampleChunk([span(2 * index), span(2 * index + 1)]) };
        }
        if (fail) throw fail();
      },
      async *queryLogs(request) {
        served.logs.push(request);
        yield { chunk: sampleChunk([]) };
      },
    });
  });
  return { client: new QueryClient({ transport, token: "secret" }), served };
}

describe("QueryClient", () => {
  it("gives the pieces of a file as rows come, and tells how many did", async () => {
    const { client, served } = serve(3);
    const told: number[] = [];
    let text = "";
    for await (const piece of client.spans().encode("jsonl", { onRows: (rows) => told.push(rows) })) {
      // Nothing is asked for before the piece before it was taken.
      if (text === "") expect([served.chunks, told]).toEqual([1, []]);
      text += String(piece);
    }
    expect(text.trim().split("\n")).toHaveLength(6);
    expect(told).toEqual([2, 4, 6]);
    await expect(
      client
        .spans()
        .encode("xml" as "csv")
        .next(),
    ).rejects.toThrow('format "xml" is not one of arrow');
  });

  it("gives spans as one table", async () => {
    const { client } = serve(3);
    const table = await client.spans().toArrow();
    expect([...(table.getChild("name") ?? [])]).toEqual(["n0", "n1", "n2", "n0", "n1", "n2"]);
  });

  it("sends conditions, columns, order, limit and the token", async () => {
    const { client, served } = serve(1);
    const job = "0198c0de-0000-7000-8000-00000000cafe";
    await client
      .spans({ job, type: ["attempt", "user"], status: "ERROR", columns: ["name"], limit: 9 })
      .where({ name: { prefix: "GET " } })
      .columns("name", { attribute: "http.status", as: "code", type: "int64" })
      .orderBy({ column: "duration_ns", descending: true }, "name")
      .toArrow();
    const [request] = served.spans;
    expect(request?.filter?.and).toMatchObject([
      { jobIds: [job], types: [SpanType.ATTEMPT, SpanType.USER], statuses: [SpanStatus.ERROR] },
      { names: [{ match: { case: "prefix", value: "GET " } }] },
    ]);
    expect(request).toMatchObject({
      columns: ["name"],
      attributeColumns: [{ key: "http.status", as: "code" }],
      orderBy: [
        { column: "duration_ns", descending: true },
        { column: "name", descending: false },
      ],
      limit: 9n,
    });
    expect(served.headers[0]?.get("authorization")).toBe("Bearer secret");
  });

  it("does not change a query that another is made from", async () => {
    const { client, served } = serve(1);
    const all = client.spans({ job: "j" });
    all.where({ status: "ERROR" }).limit(1);
    await all.toArrow();
    expect(served.spans[0]).toMatchObject({ limit: 0n, filter: { jobIds: ["j"], and: [] } });
  });

  it("asks for logs", async () => {
    const { client, served } = serve(0);
    await client.logs({ minSeverity: "WARN", body: { contains: "disk" }, limit: 5 }).toArrow();
    expect(served.logs[0]).toMatchObject({
      filter: { minSeverity: 13, body: { match: { case: "contains", value: "disk" } } },
      limit: 5n,
    });
  });

  it("ends the query when the loop over its batches is left", async () => {
    const { client, served } = serve(1_000);
    for await (const batch of client.spans().stream()) {
      expect(batch.numRows).toBe(2);
      break;
    }
    await expect.poll(() => served.aborted).toBe(true);
    expect(served.chunks).toBeLessThan(1_000);
  });

  it("rejects with the signal's reason when it is aborted", async () => {
    const { client } = serve(1_000);
    const controller = new AbortController();
    const running = (async () => {
      for await (const _ of client.spans().stream({ signal: controller.signal })) controller.abort(new Error("enough"));
    })();
    await expect(running).rejects.toThrow("enough");
  });

  it("gives the server's error with its reason", async () => {
    const { client } = serve(1, () =>
      toConnectError(
        new SpanloomError("UNSUPPORTED_QUERY", 'cannot query spans: order by "events"', { field: "order_by" }),
      ),
    );
    await expect(client.spans().toArrow()).rejects.toMatchObject({
      reason: "UNSUPPORTED_QUERY",
      message: 'cannot query spans: order by "events"',
      facts: { field: "order_by" },
    });
  });

  it("says which server it could not ask", async () => {
    const { client } = serve(0, () => new ConnectError("connect ECONNREFUSED", Code.Unavailable));
    await expect(client.spans().toArrow()).rejects.toMatchObject({
      retryable: true,
      message: "cannot query spans of http://127.0.0.1:7171: connect ECONNREFUSED",
    });
  });

  it("refuses what it cannot send before it sends anything", async () => {
    const { client, served } = serve(0);
    await expect(client.spans({ trace: "xyz" }).toArrow()).rejects.toThrow(
      'cannot query: trace "xyz" is not 32 hex digits',
    );
    await expect(client.spans({ limit: 0 }).toArrow()).rejects.toThrow(
      "cannot query: limit 0 is not a whole number from 1",
    );
    expect(served.spans).toEqual([]);
  });
});

describe("filters", () => {
  const filterOf = (conditions: Parameters<QueryClient["spans"]>[0]) => {
    const { filter } = serve(0).client.spans(conditions).toRequest();
    return fromBinary(SpanFilterSchema, toBinary(SpanFilterSchema, filter!));
  };

  it("keep nanoseconds of times and durations", () => {
    const { time, duration } = filterOf({
      start: { from: new Date(1_500), to: 1_795_204_800_123_456_789n },
      durationMs: { min: 0.0005, max: 1_999.9999999 },
    });
    expect(time).toMatchObject({ start: { seconds: 1n, nanos: 500_000_000 }, end: { nanos: 123_456_789 } });
    expect(duration).toMatchObject({ min: { seconds: 0n, nanos: 500 }, max: { seconds: 2n, nanos: 0 } });
  });

  it("tell what set jobs going", () => {
    const trigger = { type: ["schedule", "clone"], schedule: "nightly", trigger: ["orders"] } as const;
    expect(filterOf({ trigger }).trigger).toMatchObject({
      types: [TriggerType.SCHEDULE, TriggerType.CLONE],
      schedules: ["nightly"],
      triggers: ["orders"],
    });
    expect(() => filterOf({ trigger: { type: "retry" as "clone" } })).toThrow("trigger.type");
    expect(() => filterOf({ trigger: { name: "nightly" } as object })).toThrow("known are type, schedule, trigger");
  });

  it("nest with and, or and not", () => {
    const filter = filterOf({ or: [{ open: true }, { not: { kind: "CLIENT" } }], and: [{ queue: "q" }] });
    expect(filter).toMatchObject({
      or: [{ open: true }, { not: { kinds: [3] } }],
      and: [{ queues: ["q"] }],
    });
  });

  it("match nothing for an empty list", () => {
    expect(filterOf({ job: [] }).and).toMatchObject([{ not: { jobIds: [] } }]);
    expect(filterOf({ trigger: { schedule: [] } }).and).toMatchObject([{ not: { jobIds: [] } }]);
    expect(filterOf({ or: [] }).and).toHaveLength(1);
    expect(filterOf({ and: [] }).and).toHaveLength(0);
  });

  it("compare a bigint with integers alone", () => {
    expect(filterOf({ attributes: { a: 5n } }).attributes).toMatchObject([
      { key: "a", comparison: 1, value: { case: "intValue", value: 5n } },
    ]);
  });

  it.each([
    [{ jobs: "x" }, 'condition "jobs" is not known'],
    [{ status: "FAILED" }, 'status "FAILED" is not one of UNSET, OK, ERROR'],
    [{ name: { suffix: "x" } }, 'name {"suffix":"x"} is neither text nor one of exact, prefix, contains, regex'],
    [{ start: { from: new Date("x") } }, "start.from Date(NaN) is neither a valid Date"],
    [{ durationMs: { min: -1 } }, "durationMs.min -1 is not a number of milliseconds from 0"],
    [{ attributes: { a: 2n ** 63n } }, 'attributes["a"] 9223372036854775808 is not a 64-bit integer'],
  ])("refuse %o", (conditions, message) => {
    expect(() => filterOf(conditions as never)).toThrow(`cannot query: ${message}`);
  });
});
