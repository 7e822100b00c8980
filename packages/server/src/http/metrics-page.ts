import { toWireError } from "../rpc/error-interceptor.ts";
import type { Authorize } from "./authorization.ts";
import type { HttpResponse } from "./http-response.ts";
import type { HttpRequest } from "./request-body.ts";

/** Where `/metrics` takes its text from. */
export interface MetricsSource {
  /** Whether everyone who can connect may read it; a token is needed otherwise, where there are any. */
  isPublic: boolean;
  contentType: string;
  write(): Promise<string>;
}

/** What the page needs besides. */
export interface MetricsPageOptions {
  authorize: Authorize;
  metrics?: MetricsSource | undefined;
  log: (line: string) => void;
}

/** Serves `GET /metrics` for Prometheus; false when the path is another, or there are no metrics. */
export function serveMetrics(
  path: string,
  request: HttpRequest,
  response: HttpResponse,
  { authorize, metrics, log }: MetricsPageOptions,
): boolean {
  if (path !== "/metrics" || !metrics) return false;
  request.resume();
  if (request.method !== "GET" && request.method !== "HEAD") {
    answer(response, 405, "cannot serve /metrics: use GET\n");
    return true;
  }
  try {
    if (!metrics.isPublic) authorize(request.headers.authorization, path);
  } catch (error) {
    const { rawMessage, code } = toWireError(error, log, path);
    answer(response, code === UNAUTHENTICATED ? 401 : 403, `${rawMessage}\n`);
    return true;
  }
  void write(response, metrics, log);
  return true;
}

const UNAUTHENTICATED = 16;

/** Never rejects. */
async function write(response: HttpResponse, metrics: MetricsSource, log: (line: string) => void): Promise<void> {
  try {
    answer(response, 200, await metrics.write(), metrics.contentType);
  } catch (error) {
    log(`cannot write metrics: ${error instanceof Error ? error.stack : error}`);
    answer(response, 500, "cannot write metrics: a defect in the server, logged there\n");
  }
}

function answer(response: HttpResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}
