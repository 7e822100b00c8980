import { Code, ConnectError, createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import {
  type ArrowChunk,
  QueryService,
  SpanloomError,
  type TailLogsRequest,
  type TailSpansRequest,
  toConnectError,
} from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { isLostConnection } from "./lost-connection.ts";
import { QueryClient } from "./query-client.ts";
import { sampleChunk, spanIdFor } from "./testing/sample-spans.ts";

const chunkOf = (...indexes: number[]) =>
  sampleChunk(
    indexes.map((index) => ({ spanId: spanIdFor(index), name: `n${index}`, startNs: 0n, endNs: BigInt(index + 5) })),
  );

type Message = { chunk?: ArrowChunk; position: string };
type Answer = (call: number, signal: AbortSignal) => AsyncIterable<Message>;

/** A server that notes what it is asked, and answers each call as it is told. */
function serve(answer: Answer) {
  const asked: (TailSpansRequest | TailLogsRequest)[] = [];
  const tail = async function* (request: TailSpansRequest | TailLogsRequest, { signal }: HandlerContext) {
    asked.push(request);
    yield* answer(asked.length, signal);
  };
  const transport = createRouterTransport(({ service }) => service(QueryService, { tailSpans: tail, tailLogs: tail }));
  return { client: new QueryClient({ transport }), asked };
}

const away = () => toConnectError(new SpanloomError("SHUTTING_DOWN", "cannot follow any longer: the call was ended"));

/** Messages without an end. */
async function* endless(ended: () => void, signal: AbortSignal): AsyncIterable<Message> {
  signal.addEventListener("abort", ended);
  yield { chunk: chunkOf(), position: "0" };
  for (let index = 0; !signal.aborted; index++) {
    yield { chunk: chunkOf(index), position: String(index) };
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a tail", () => {
  it("gives batch after batch until the loop is left, and ends the call then", async () => {
    let ended = false;
    const { client, asked } = serve((_call, signal) => endless(() => (ended = true), signal));
    const names: unknown[] = [];
    const query = client.spans({ open: true }).columns("name", { attribute: "n", type: "int64" });
    for await (const batch of query.tail({ existing: true }).stream()) {
      names.push(batch.getChild("name")?.get(0));
      if (names.length === 3) break;
    }
    expect(names).toEqual(["n0", "n1", "n2"]);
    expect(asked).toMatchObject([
      {
        filter: { open: true },
        columns: ["name"],
        attributeColumns: [{ key: "n" }],
        includeExisting: true,
        position: "",
      },
    ]);
    await expect.poll(() => ended).toBe(true);
  });

  it("ends without an error when the signal aborts, before it begins, too", async () => {
    const { client, asked } = serve((_call, signal) => endless(() => undefined, signal));
    const controller = new AbortController();
    for (let i = 0; i < 2; i++)
      for await (const _ of client.spans().tail().stream({ signal: controller.signal })) controller.abort();
    expect(asked).toHaveLength(1);
  });

  it("goes on where it was when the connection is lost, and tells of it", async () => {
    const { client, asked } = serve(async function* (call) {
      if (call === 1) {
        yield { chunk: chunkOf(), position: "5" };
        yield { chunk: chunkOf(1), position: "5" };
        yield { chunk: chunkOf(2), position: "7" };
        yield { position: "8" };
        yield { chunk: chunkOf(3), position: "8" };
      }
      if (call < 3) throw away();
      yield { chunk: chunkOf(3, 4), position: "9" };
    });
    const told: string[] = [];
    const names: unknown[] = [];
    const tail = client.logs({ job: "j" }).columns({ attribute: "name" }).tail({ existing: true });
    const options = {
      onPosition: (position: string) => told.push(position),
      onInterrupted: ({ reason }: SpanloomError) => told.push(reason),
    };
    for await (const batch of tail.stream(options)) for (const { name } of batch) names.push(name);
    // What came after the last position comes again.
    expect(names).toEqual(["n1", "n2", "n3", "n3", "n4"]);
    expect(told).toEqual(["5", "7", "8", "SHUTTING_DOWN", "SHUTTING_DOWN", "9"]);
    expect(asked.map(({ position }) => position)).toEqual(["", "8", "8"]);
    expect(asked.every(({ includeExisting }) => includeExisting)).toBe(true);
  });

  it("begins anew when the connection is lost among what exists", async () => {
    const { client, asked } = serve(async function* (call) {
      yield { chunk: chunkOf(1), position: "" };
      if (call === 1) throw away();
    });
    const rows: number[] = [];
    for await (const batch of client.spans().tail({ existing: true }).stream()) rows.push(batch.numRows);
    expect(rows).toEqual([1, 1]);
    expect(asked.map(({ position }) => position)).toEqual(["", ""]);
  });

  it("takes whatever the HTTP stack says of a broken connection for one", async () => {
    const broken = [
      new ConnectError("aborted", Code.Aborted),
      new ConnectError("protocol error: missing EndStreamResponse", Code.InvalidArgument),
      new ConnectError("fetch failed", Code.Unknown, undefined, undefined, new TypeError("network error")),
      new ConnectError("read", Code.Internal, undefined, undefined, Object.assign(new Error(), { code: "EPIPE" })),
    ];
    for (const error of broken) expect([error.message, isLostConnection(error)]).toEqual([error.message, true]);
    const described = toConnectError(new SpanloomError("STALE_LEASE", "cannot report"));
    for (const error of [described, new ConnectError("no", Code.InvalidArgument), new Error("no")])
      expect([error.message, isLostConnection(error)]).toEqual([error.message, false]);
  });

  it("rejects when the server cannot be reached at first, and at what will not pass", async () => {
    const unreachable = serve(() => {
      throw away();
    });
    await expect(unreachable.client.spans().tail().stream().next()).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
    const refusing = serve(async function* (call) {
      if (call === 2) throw toConnectError(new SpanloomError("INVALID_FIELD", "cannot follow: position"));
      yield { position: "5" };
      throw away();
    });
    const tail = refusing.client.spans().tail({ position: "4" });
    await expect(tail.stream().next()).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    expect(refusing.asked.map(({ position }) => position)).toEqual(["4", "5"]);
  });

  it("refuses what has no meaning without an end", () => {
    const { client } = serve(async function* () {});
    expect(() => client.spans({ limit: 1 }).tail().toRequest()).toThrow("limit 1 has no meaning for a tail");
    expect(() => client.logs().orderBy("body").tail().toRequest()).toThrow("cannot be kept by a tail");
  });
});
