import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sendHttp } from "./http-request.ts";

let server: Server;

// Answers with what it was sent.
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = await buffer(request);
    response.writeHead(201, { "x-method": request.method ?? "" });
    response.end(JSON.stringify({ url: request.url, headers: request.headers, body: body.toString().slice(0, 20) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(() => server.close());

function send(request: Parameters<typeof sendHttp>[0]["request"], token?: string) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return sendHttp({ url, token, request, timeoutMs: 10_000, signal: new AbortController().signal });
}

test("a request is sent as it stands, with the token, and answered with status, headers, text and JSON", async () => {
  const answer = await send({ path: "/a?b", headers: { "Content-Type": "text/x" }, body: "{not json" }, "secret");
  expect(answer).toMatchObject({
    status: 201,
    headers: { "x-method": "POST" },
    json: {
      url: "/a?b",
      headers: { "content-type": "text/x", authorization: "Bearer secret", "content-length": "9" },
      body: "{not json",
    },
  });
});

test("a case may send a token of its own, another method, JSON, or a body of some size", async () => {
  const own = await send({ method: "PUT", json: { a: 1 }, headers: { authorization: "Bearer own" } }, "secret");
  expect(own).toMatchObject({
    headers: { "x-method": "PUT" },
    json: { headers: { authorization: "Bearer own" }, body: '{"a":1}' },
  });
  expect(await send({ size: 100 })).toMatchObject({ json: { headers: { "content-length": "100" } } });
});
