import http, { createServer, type IncomingMessage, type RequestListener, type RequestOptions } from "node:http";
import { syncBuiltinESMExports } from "node:module";
import type { AddressInfo } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { GetJobRequestSchema, GetJobResponseSchema, JobService } from "@spanloom/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { readVectors } from "./testing/vectors.ts";
import { connect, toCallError } from "./transport.ts";

interface ErrorVector {
  name: string;
  status: number;
  body: unknown;
  error: { reason: string; code: string; retryable: boolean; message?: string } & Record<string, unknown>;
}

const vectors = readVectors<{ answers: ErrorVector[] }>("errors");

/** A server that answers every request with `listener`, and a client of it. */
async function connected(listener: RequestListener, options: { token?: string; host?: string } = {}) {
  const { host = "127.0.0.1", token } = options;
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const connection = connect({ url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, token });
  return {
    jobs: createClient(JobService, connection.transport),
    async [Symbol.asyncDispose]() {
      connection.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

const answer: RequestListener = (_request, response) => {
  const body = toBinary(GetJobResponseSchema, create(GetJobResponseSchema, { job: { id: "a", name: "one" } }));
  response.writeHead(200, { "content-type": "application/proto" }).end(body);
};

const failure = (call: Promise<unknown>) => call.then(() => expect.unreachable(), ConnectError.from);

describe("a unary call", () => {
  it("carries message, deadline and token, and brings the answer", async () => {
    let seen: IncomingMessage["headers"] = {};
    let asked = "";
    await using server = await connected(
      async (request, response) => {
        seen = request.headers;
        asked = `${request.url} ${fromBinary(GetJobRequestSchema, await bodyOf(request)).jobId}`;
        answer(request, response);
      },
      { token: "secret" },
    );
    const { job } = await server.jobs.getJob({ jobId: "x" }, { timeoutMs: 1_234, headers: { "x-more": "1" } });
    expect(job?.name).toBe("one");
    expect(asked).toBe("/spanloom.v1.JobService/GetJob x");
    expect(seen).toMatchObject({
      "content-type": "application/proto",
      "connect-timeout-ms": "1234",
      authorization: "Bearer secret",
      "x-more": "1",
    });
  });

  it("sends and reads every character as it is, whatever the size", async () => {
    await using server = await connected(async (request, response) => {
      const { jobId } = fromBinary(GetJobRequestSchema, await bodyOf(request));
      const body = toBinary(GetJobResponseSchema, create(GetJobResponseSchema, { job: { name: jobId } }));
      response.writeHead(200, { "content-type": "application/proto" }).end(body);
    });
    for (const times of [0, 1, 5_000, 50_000]) {
      const jobId = "a\u0000\u007f\u0080\u00ff\u20ac\u{1f600}".repeat(times);
      expect((await server.jobs.getJob({ jobId })).job?.name).toBe(jobId);
    }
  });

  it("lets the headers of a call stand for those of the client", async () => {
    let seen: string[] = [];
    await using server = await connected(
      (request, response) => {
        seen = request.rawHeaders;
        answer(request, response);
      },
      { token: "secret" },
    );
    await server.jobs.getJob({}, { headers: { Authorization: "Bearer other" } });
    expect(seen.filter((text) => text.startsWith("Bearer"))).toEqual(["Bearer other"]);
    expect(seen.filter((text) => text.toLowerCase() === "host")).toHaveLength(1);
  });

  it("may be given more headers by what instruments Node's http", async () => {
    const original = http.request;
    // As OpenTelemetry's package does it: on a copy, which it takes for an object.
    const request = ({ headers, ...options }: RequestOptions) =>
      original({ ...options, headers: Object.assign({}, headers, { traceparent: "00-1" }) });
    Object.assign(http, { request });
    syncBuiltinESMExports();
    onTestFinished(() => {
      Object.assign(http, { request: original });
      syncBuiltinESMExports();
    });
    let seen: IncomingMessage["headers"] = {};
    await using server = await connected((request, response) => {
      seen = request.headers;
      answer(request, response);
    });
    await server.jobs.getJob({});
    expect(seen).toMatchObject({ "content-type": "application/proto", traceparent: "00-1" });
  });

  it("reaches an IPv6 address", async () => {
    await using server = await connected(answer, { host: "::1" });
    expect((await server.jobs.getJob({})).job?.name).toBe("one");
  });

  it("uses a connection again", async () => {
    const ports = new Set<number | undefined>();
    await using server = await connected((request, response) => {
      ports.add(request.socket.remotePort);
      answer(request, response);
    });
    for (let i = 0; i < 3; i++) await server.jobs.getJob({});
    expect(ports.size).toBe(1);
  });

  it.each(vectors.answers)("fails as every client does: $name", async ({ status, body, error }) => {
    const isJson = typeof body === "object";
    const text = isJson ? JSON.stringify(body) : String(body);
    await using server = await connected((_request, response) => {
      response.writeHead(status, { "content-type": isJson ? "application/json" : "text/html" }).end(text);
    });
    const failed = toCallError(await failure(server.jobs.getJob({ jobId: "x" })), "http://server");
    const { reason, code, retryable, message, ...facts } = error;
    expect({ reason: failed.reason, code: codeToString(failed.code), retryable: failed.retryable }).toEqual({
      reason,
      code,
      retryable,
    });
    if (message !== undefined) expect(failed.message).toBe(message);
    expect(failed.facts).toEqual(facts);
  });

  it("does not follow where a server points to", async () => {
    let requests = 0;
    await using server = await connected((_request, response) => {
      requests++;
      response.writeHead(307, { location: "/elsewhere", "content-length": 0 }).end();
    });
    expect(await failure(server.jobs.getJob({}))).toMatchObject({ code: Code.Unknown, rawMessage: "HTTP 307" });
    expect(requests).toBe(1);
  });

  it("is UNAVAILABLE when a kept connection is closed under it, and the next call opens another", async () => {
    const used = new WeakSet<object>();
    await using server = await connected((request, response) => {
      if (used.has(request.socket)) return void request.socket.destroy();
      used.add(request.socket);
      answer(request, response);
    });
    await server.jobs.getJob({});
    expect((await failure(server.jobs.getJob({}))).code).toBe(Code.Unavailable);
    expect((await server.jobs.getJob({})).job?.name).toBe("one");
  });

  it("is UNAVAILABLE when the answer is no HTTP, or has a head without end", async () => {
    let head = "SSH-2.0-OpenSSH_9.6\r\n";
    await using server = await connected((request) => void request.socket.end(head));
    expect((await failure(server.jobs.getJob({}))).code).toBe(Code.Unavailable);
    head = `HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}`;
    expect((await failure(server.jobs.getJob({}))).code).toBe(Code.Unavailable);
  });

  it("is UNAVAILABLE when the connection breaks before or within the answer", async () => {
    let broken = 0;
    await using server = await connected((_request, response) => {
      if (broken++ > 0)
        response.writeHead(200, { "content-type": "application/proto", "content-length": 10 }).write("x");
      setImmediate(() => response.destroy());
    });
    expect((await failure(server.jobs.getJob({}))).code).toBe(Code.Unavailable);
    expect((await failure(server.jobs.getJob({}))).code).toBe(Code.Unavailable);
    expect(broken).toBe(2);
  });

  it("ends at its deadline, and at once when it is cancelled", async () => {
    let gone = 0;
    const both = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    await using server = await connected((request, response) => {
      response.once("close", () => ++gone === 2 && both.resolve());
      if (request.headers["connect-timeout-ms"] !== "20") asked.resolve();
    });
    expect((await failure(server.jobs.getJob({}, { timeoutMs: 20 }))).code).toBe(Code.DeadlineExceeded);
    const abort = new AbortController();
    const call = failure(server.jobs.getJob({}, { signal: abort.signal }));
    await asked.promise;
    abort.abort();
    expect((await call).code).toBe(Code.Canceled);
    expect((await failure(server.jobs.getJob({}, { signal: abort.signal }))).code).toBe(Code.Canceled);
    await both.promise; // the server sees that nobody waits any more
  });
});
