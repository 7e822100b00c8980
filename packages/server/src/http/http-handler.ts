import type { ServiceRoute } from "../rpc/service-route.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { UnaryOptions } from "./connect-unary.ts";
import { type ConsoleAssets, createConsole } from "./console.ts";
import { serveCors } from "./cors.ts";
import { serveHealth } from "./health.ts";
import type { HttpResponse } from "./http-response.ts";
import type { HttpHandler } from "./listener.ts";
import { type MetricsSource, serveMetrics } from "./metrics-page.ts";
import { serveOtlp } from "./otlp.ts";
import { serveOtlpGrpc } from "./otlp-grpc.ts";
import type { HttpRequest } from "./request-body.ts";
import type { RequestDurations } from "./request-durations.ts";
import { createRpcDispatcher } from "./rpc-dispatcher.ts";
import { serveWebhook, type WebhookTaker, webhookRoute } from "./webhooks.ts";

/** What the one port serves besides RPCs. */
export interface HttpHandlerOptions extends UnaryOptions {
  telemetry: Pick<Telemetry, "ingest">;
  version: string;
  /** Origins whose pages may call. */
  corsOrigins: readonly string[];
  /** Notes how long requests took that are no calls. */
  requests: RequestDurations;
  /** Takes what is delivered to webhooks; without it there are none. */
  webhooks?: WebhookTaker | undefined;
  /** The web console; without it `/` tells how to get it. */
  console?: ConsoleAssets | undefined;
  /** What `/metrics` shows; without it there is no such page. */
  metrics?: MetricsSource | undefined;
}

/** Routes a request to RPC, OTLP, webhooks, the console or health by its path. Never throws. */
export function createHttpHandler(routes: readonly ServiceRoute[], options: HttpHandlerOptions): HttpHandler {
  const serveRpc = createRpcDispatcher(routes, options);
  const { version, log } = options;
  const health = { version, hasConsole: options.console !== undefined, ready: () => !options.stopping.aborted };
  const serveConsole = options.console && createConsole(options.console, log);
  return (request, response) => {
    const path = pathOf(request);
    try {
      if (serveCors(options.corsOrigins, request, response as HttpResponse)) return;
      if (serveRpc(path, request, response as HttpResponse)) return;
      if (serveOtlpGrpc(path, request, response as HttpResponse, options)) return;
      options.requests.watch(webhookRoute(path) ?? path, response as HttpResponse);
      if (serveOtlp(path, request, response as HttpResponse, options)) return;
      if (serveWebhook(path, request, response as HttpResponse, options)) return;
      if (serveMetrics(path, request, response as HttpResponse, options)) return;
      if (serveConsole?.(path, request, response as HttpResponse)) return;
      if (isRead(request) && serveHealth(path, response as HttpResponse, health)) return;
      notFound(path, request, response as HttpResponse);
    } catch (error) {
      // Nothing here is meant to throw; if it does, one request fails and not the server.
      log(`cannot serve ${request.method} ${path}: ${error instanceof Error ? error.stack : error}`);
      response.destroy();
    }
  };
}

function pathOf(request: HttpRequest): string {
  const url = request.url ?? "";
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

function isRead({ method }: HttpRequest): boolean {
  return method === "GET" || method === "HEAD";
}

function notFound(path: string, request: HttpRequest, response: HttpResponse): void {
  request.resume();
  const body = JSON.stringify({ code: "unimplemented", message: `cannot serve "${path.slice(0, 200)}": no such path` });
  response.writeHead(404, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}
