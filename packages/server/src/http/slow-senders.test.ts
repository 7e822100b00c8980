import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { serveStubs, telemetryStub } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";
import { Listener } from "./listener.ts";
import { readBody } from "./request-body.ts";

const telemetry = telemetryStub();
let server: RunningServer;
beforeAll(async () => {
  server = await serveStubs({ telemetry });
});
afterAll(() => server.stop());
afterEach(() => vi.useRealTimers());

/** Headers of a request whose body never comes to its end, and a first byte of it. */
const halfRequest = [
  "POST /v1/traces HTTP/1.1",
  "host: x",
  "content-type: application/x-protobuf",
  "content-length: 1000",
  "",
  "\n",
].join("\r\n");

async function begin(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  await once(socket, "connect");
  socket.write(halfRequest);
  return socket;
}

describe("senders that never finish", () => {
  it("hold up nobody else, and nothing of theirs is taken", async () => {
    const port = Number(new URL(server.url).port);
    const slow = await Promise.all(Array.from({ length: 200 }, () => begin(port)));
    const session = connectHttp2(server.url).on("error", () => undefined);
    const streams = Array.from({ length: 200 }, () => {
      const headers = { ":method": "POST", ":path": "/v1/traces", "content-type": "application/x-protobuf" };
      const stream = session.request(headers).on("error", () => undefined);
      stream.write("\n");
      return stream;
    });
    const headers = { "content-type": "application/x-protobuf" };
    const taken = await fetch(`${server.url}/v1/traces`, { method: "POST", headers, body: new Uint8Array() });
    expect(taken.status).toBe(200);
    for (const socket of slow) socket.destroy();
    for (const stream of streams) stream.destroy();
    session.destroy();
    expect(telemetry.payloads).toEqual([{ signal: "traces", bytes: Buffer.alloc(0) }]);
  });

  it("are cut off over HTTP/1.1 when their time is up", async () => {
    const read: string[] = [];
    const listener = new Listener({
      host: "127.0.0.1",
      port: 0,
      // Long enough for the headers to be read on a busy machine: they are what begins the handler.
      requestTimeoutMs: 1_000,
      handler: (request) => {
        readBody(request, 10_000).then(
          () => read.push("all"),
          (error: Error) => read.push(error.message),
        );
      },
    });
    await using _ = listener;
    const socket = await begin(await listener.start());
    await new Promise((resolve) => socket.resume().once("close", resolve));
    expect(read).toEqual(["cannot read the request: cut off"]);
  });

  it.each([
    ["/v1/traces", "application/x-protobuf", ":status", 400],
    ["/opentelemetry.proto.collector.trace.v1.TraceService/Export", "application/grpc", "grpc-status", "3"],
  ])("are refused over HTTP/2 when their time is up, at %s", async (path, type, header, value) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const session = connectHttp2(server.url).on("error", () => undefined);
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": type });
    stream.on("error", () => undefined).write("\n");
    let told: Record<string, unknown> | undefined;
    stream.on("response", (head) => {
      told = head;
    });
    while (told === undefined) {
      await vi.advanceTimersByTimeAsync(10_000);
      await new Promise(setImmediate);
    }
    expect(told[header]).toBe(value);
    session.destroy();
  });
});
