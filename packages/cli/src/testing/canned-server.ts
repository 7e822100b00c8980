import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ConnectRouter, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";

/** A server whose answers are written down. */
export interface CannedServer extends AsyncDisposable {
  url: string;
}

/** Serves answers by HTTP, so that what a command prints of them is the same each time. */
export async function startCannedServer(routes: (router: ConnectRouter) => void): Promise<CannedServer> {
  const router = createConnectRouter();
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const server = createServer((request, response) => {
    const handler = handlers.get(request.url ?? "");
    if (handler) void answer(handler, request, response);
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function answer(handler: UniversalHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const header = new Headers();
  for (const [name, value] of Object.entries(request.headers)) if (value) header.set(name, String(value));
  const stop = new AbortController();
  response.on("close", () => stop.abort());
  const answered = await handler({
    httpVersion: "1.1",
    url: new URL(request.url ?? "/", "http://127.0.0.1").href,
    method: request.method ?? "POST",
    header,
    body: request,
    signal: stop.signal,
  });
  response.writeHead(answered.status, Object.fromEntries(answered.header ?? []));
  for await (const piece of answered.body ?? []) response.write(piece);
  response.end();
}
