import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveStubs } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";

const LIMIT = 16 * 1024 * 1024;
let server: RunningServer;
beforeAll(async () => {
  server = await serveStubs();
});
afterAll(() => server.stop());

const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
const isAlive = async () => (await fetch(`${server.url}/healthz`)).status === 200;
const deep = (open: string, inner: string, close: string, depth: number): string =>
  open.repeat(depth) + inner + close.repeat(depth);

describe("before a request is decoded", () => {
  it("its headers are limited over HTTP/2 too", async () => {
    const session = connectHttp2(server.url);
    session.on("error", () => {});
    const stream = session.request({ ":path": "/healthz", big: "x".repeat(20_000) });
    const refused = Promise.withResolvers<unknown>();
    stream.on("error", refused.resolve).on("response", (head) => refused.resolve(head[":status"]));
    expect(await refused.promise).toBe(431);
    session.destroy();
    expect(await isAlive()).toBe(true);
  });

  it.each([
    ["an RPC", "/spanloom.v1.JobService/GetJob", "application/json"],
    ["OTLP", "/v1/traces", "application/x-protobuf"],
  ])("the size of %s is limited, announced or not, compressed or not", async (_, path, type) => {
    const headers = { "content-type": type };
    const large = new Uint8Array(LIMIT + 1);
    expect((await post(path, large, headers)).status).toBeOneOf([400, 413]);
    const bomb = await post(path, gzipSync(large), { ...headers, "content-encoding": "gzip" });
    expect(bomb.status).toBeOneOf([400, 413]);
    expect(await bomb.text()).toContain(`the limit is ${LIMIT}`);
  });

  it("a body without an announced length is cut off at the limit", async () => {
    const session = connectHttp2(server.url);
    session.on("error", () => {});
    const path = "/spanloom.v1.JobService/GetJob";
    const stream = session.request({ ":path": path, ":method": "POST", "content-type": "application/proto" });
    stream.on("error", () => {});
    stream.end(new Uint8Array(LIMIT + 1_000_000));
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(head[":status"]).toBe(400);
    session.destroy();
  });
});

describe("how deep a request nests is limited", () => {
  const depth = 1_000_000;
  it.each([
    ["arrays of an RPC", "/spanloom.v1.JobService/GetJob", `{"jobId":${deep("[", "", "]", depth)}}`],
    ["unknown fields of an RPC", "/spanloom.v1.JobService/GetJob", deep('{"a":', "1", "}", depth)],
    [
      "values of OTLP",
      "/v1/traces",
      `{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":${deep('{"arrayValue":{"values":[', "{}", "]}}", 100_000)}}]}}]}`,
    ],
  ])("for %s in JSON", async (_, path, body) => {
    expect((await post(path, body)).status).toBe(400);
    expect(await isAlive()).toBe(true);
  });

  it("for values of OTLP in protobuf, which are refused alone", async () => {
    // AnyValue.array_value (5) of ArrayValue.values (1), each within the other.
    let value: Uint8Array = new Uint8Array();
    for (let i = 0; i < 200; i++) value = field(5, field(1, value));
    const attribute = field(1, Buffer.concat([field(1, Buffer.from("k")), field(2, value)]));
    const body = field(1, field(1, attribute));
    const answer = await post("/v1/traces", new Uint8Array(body), { "content-type": "application/x-protobuf" });
    expect(answer.status).toBeOneOf([200, 400]);
    expect(await isAlive()).toBe(true);
  });
});

/** A length-delimited field. */
function field(number: number, bytes: Uint8Array): Buffer {
  const length: number[] = [];
  for (let left = bytes.length; ; left >>>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  return Buffer.concat([Buffer.of((number << 3) | 2, ...length), bytes]);
}
