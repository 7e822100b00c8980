import type { ServerResponse } from "node:http";
import { Code } from "@connectrpc/connect";
import { SpanloomError } from "@spanloom/protocol";
import type { SelfTracer, WorkSpan } from "../self-tracing/self-tracer.ts";
import { CODE_OK, type RpcSystem, statusName } from "./call-durations.ts";
import type { HttpResponse } from "./http-response.ts";
import type { HttpRequest } from "./request-body.ts";

/**
 * Spans of calls, for self-tracing.
 *
 * Source: OpenTelemetry's semantic conventions for RPC and HTTP servers.
 */

/** What a caller was told went wrong: one of the protocol's codes, and the error behind it. */
export interface ToldError {
  readonly code: Code;
  readonly cause?: unknown;
}

/** Serves an RPC as `serve` does, within a span. `serve` never rejects, and answers what it told the caller went wrong. */
export async function traceRpc(
  tracer: SelfTracer,
  path: string,
  request: HttpRequest,
  serve: () => Promise<ToldError | undefined>,
): Promise<void> {
  const method = path.slice(1);
  const isGrpc = request.headers["content-type"]?.startsWith("application/grpc") ?? false;
  const span = tracer.call(method, request.headers, {
    "rpc.system.name": (isGrpc ? "grpc" : "connectrpc") satisfies RpcSystem,
    "rpc.method": method,
    "network.protocol.version": request.httpVersion,
  });
  const error = await tracer.run(span, serve);
  if (error) tell(span, error);
  span.end({ "rpc.response.status_code": statusName(error?.code ?? CODE_OK) });
}

/** Codes that say the server failed; by the others it only said no. */
const failures: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

function tell(span: WorkSpan, error: ToldError): void {
  if (failures.has(error.code)) span.fail(whyOf(error));
  else span.note(whyOf(error));
}

/** The catalogue's error; of a defect what it came from, which callers are not told. */
function whyOf(error: ToldError): unknown {
  const known = error instanceof SpanloomError ? error : (error.cause ?? error);
  return known instanceof SpanloomError && known.reason === "INTERNAL" ? (known.cause ?? known) : known;
}

/** Serves a plain HTTP request as `serve` does, within a span; otherwise as `traceRpc`. */
export async function traceHttp(
  tracer: SelfTracer,
  path: string,
  { request, response }: { request: HttpRequest; response: HttpResponse },
  serve: () => Promise<ToldError | undefined>,
): Promise<void> {
  const method = request.method ?? "";
  const span = tracer.call(`${method} ${path}`, request.headers, {
    "http.request.method": method,
    "http.route": path,
    "url.path": path,
    "network.protocol.version": request.httpVersion,
  });
  const error = await tracer.run(span, serve);
  const status = (response as ServerResponse).statusCode;
  if (error && status >= 500) span.fail(whyOf(error));
  else if (error) span.note(whyOf(error));
  span.end({ "http.response.status_code": status });
}
