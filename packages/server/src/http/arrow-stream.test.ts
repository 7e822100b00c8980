import { createClient } from "@connectrpc/connect";
import { endStreamFromJson } from "@connectrpc/connect/protocol-connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { fromConnectError, QueryService, SpanloomError } from "@spanloom/protocol";
import { newSignal } from "@spanloom/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serveStubs, storeStub, telemetryStub } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";
import type { ArrowBatch } from "../telemetry/columnar/span-store.ts";

const PATH = "/spanloom.v1.QueryService/QuerySpans";

let answers: (signal: AbortSignal) => AsyncIterable<ArrowBatch>;
let server: RunningServer & { log: string[] };
beforeAll(async () => {
  const telemetry = telemetryStub({ querySpans: (_, signal) => answers(signal) });
  server = await serveStubs({ store: storeStub(), telemetry });
});
afterAll(() => server.stop());

const versions = ["1.1", "2"] as const;
const client = (httpVersion: "1.1" | "2") =>
  createClient(QueryService, createConnectTransport({ baseUrl: server.url, httpVersion }));

/** Chunks of every size around the lengths whose varints grow by a byte. */
const batches = [0, 1, 127, 128, 16_383, 16_384, 3_000_000].map((size, i) => ({
  ipc: new Uint8Array(size).map((_, at) => at + i),
  rows: size,
}));

/** As the store gives them: the response's own. */
const copyOf = ({ ipc, rows }: ArrowBatch): ArrowBatch => ({ ipc: ipc.slice(), rows });

beforeEach(() => {
  answers = async function* all() {
    yield* batches.map(copyOf);
  };
});

async function read(of: ReturnType<typeof client>): Promise<ArrowBatch[]> {
  const found: ArrowBatch[] = [];
  for await (const { chunk } of of.querySpans({}))
    found.push({ ipc: chunk?.ipc ?? new Uint8Array(0), rows: Number(chunk?.rows) });
  return found;
}

describe.each(versions)("Arrow over Connect and HTTP/%s", (version) => {
  it("gives every chunk, byte for byte as the other protocols do (P5)", async () => {
    expect(await read(client(version))).toEqual(batches);
    const grpc = createClient(QueryService, createGrpcTransport({ baseUrl: server.url }));
    expect(await read(grpc)).toEqual(batches);
  });

  it("gives chunks aligned, so that Arrow reads them in place", async () => {
    for (const { ipc } of await read(client(version))) expect(ipc.byteOffset % 8).toBe(0);
  });

  it("gives the memory of a chunk back when it left", async () => {
    const sent = copyOf(batches.at(-1)!);
    answers = async function* two() {
      yield sent;
      yield { ipc: Uint8Array.of(sent.ipc.length === 0 ? 1 : 0), rows: 1 };
    };
    const [first, second] = await read(client(version));
    expect(first).toEqual(batches.at(-1));
    expect(second?.ipc).toEqual(Uint8Array.of(1));
  });

  it("ends with the error that came after some chunks", async () => {
    answers = async function* broken() {
      yield copyOf(batches[1]!);
      throw new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot run the query: the store is away");
    };
    const found: number[] = [];
    const reading = (async () => {
      for await (const { chunk } of client(version).querySpans({})) found.push(Number(chunk?.rows));
    })();
    const error = fromConnectError(await reading.catch((cause: unknown) => cause));
    expect(error.reason).toBe("TELEMETRY_UNAVAILABLE");
    expect(found).toEqual([1]);
  });

  it("ends the query when the client leaves", async () => {
    const left = newSignal();
    answers = async function* endless(signal) {
      signal.addEventListener("abort", () => left.resolve());
      for (;;) {
        signal.throwIfAborted();
        yield copyOf(batches.at(-1)!);
      }
    };
    const leaving = new AbortController();
    const reading = (async () => {
      for await (const _ of client(version).querySpans({}, { signal: leaving.signal })) leaving.abort();
    })();
    await expect(reading).rejects.toThrow();
    await left.promise;
    // One that is answered after it: whatever the query met has been dealt with by now.
    answers = async function* none() {};
    await read(client(version));
    expect(server.log).toEqual([]);
  });
});

/** One request as bytes, with the server's answer as enveloped messages: `[flags, data]`. */
async function post(bytes: readonly number[], headers: Record<string, string> = {}): Promise<[number, Uint8Array][]> {
  const response = await fetch(server.url + PATH, {
    method: "POST",
    headers: { "content-type": "application/connect+proto", ...headers },
    body: new Uint8Array(bytes),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  const messages: [number, Uint8Array][] = [];
  for (let at = 0; at < answer.length; at += 5 + answer.readUInt32BE(at + 1))
    messages.push([answer[at]!, answer.subarray(at + 5, at + 5 + answer.readUInt32BE(at + 1))]);
  return messages;
}

function errorOf(messages: readonly [number, Uint8Array][]): SpanloomError {
  const [flags, data] = messages.at(-1)!;
  expect(flags).toBe(2);
  return fromConnectError(endStreamFromJson(data).error);
}

it("ends with DEADLINE_EXCEEDED when the deadline passes within a chunk that never comes", async () => {
  answers = async function* silent(signal) {
    yield copyOf(batches[1]!);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  const messages = await post([0, 0, 0, 0, 0], { "connect-timeout-ms": "50" });
  expect(messages).toHaveLength(2);
  expect(errorOf(messages).reason).toBe("DEADLINE_EXCEEDED");
});

it("ends with SHUTTING_DOWN when the server stops within a query, which is no defect", async () => {
  const started = newSignal();
  const telemetry = telemetryStub({
    async *querySpans(_, signal) {
      yield copyOf(batches[1]!);
      started.resolve();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  const other = await serveStubs({ store: storeStub(), telemetry });
  const reading = read(createClient(QueryService, createConnectTransport({ baseUrl: other.url, httpVersion: "1.1" })));
  const failure = reading.then(() => undefined, fromConnectError);
  await started.promise;
  await other.stop();
  expect((await failure)?.reason).toBe("SHUTTING_DOWN");
  expect(other.log).toEqual([]);
});

describe("a malformed Arrow request", () => {
  it.each([
    ["empty", []],
    ["shorter than it says", [0, 0, 0, 0, 9, 1]],
    ["flagged as compressed", [1, 0, 0, 0, 0]],
    ["not protobuf", [0, 0, 0, 0, 2, 0xff, 0xff]],
  ])("is refused: %s", async (_, bytes) => {
    expect(errorOf(await post(bytes)).reason).toBe("INVALID_FIELD");
    expect(server.log).toEqual([]);
  });
});
