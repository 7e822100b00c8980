import type {
  DescMessage,
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageShape,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { codeFromHttpStatus } from "@connectrpc/connect/protocol-connect";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { UnaryHandler } from "../rpc/call-context.ts";
import { errorInterceptor, toWireError } from "../rpc/error-interceptor.ts";
import { handlerOf, type ServiceRoute } from "../rpc/service-route.ts";
import { type ErrorNote, errorNote } from "../rpc/told-error.ts";
import { type ArrowRoute, isConnectStream, serveArrowStream, streamsArrow } from "./arrow-stream.ts";
import { isConnectUnary, serveConnectUnary, type UnaryOptions, type UnaryRoute } from "./connect-unary.ts";
import { durationInterceptor, systemOf } from "./duration-interceptor.ts";
import { type HttpResponse, isGone } from "./http-response.ts";
import { drain, type HttpRequest } from "./request-body.ts";
import { traceRpc } from "./traced-call.ts";

/** Serves an RPC and answers true, or answers false when the path is not one. */
export type RpcDispatcher = (path: string, request: HttpRequest, response: HttpResponse) => boolean;

/** A method as served: by the short ways for Connect's unary calls and Arrow streams, by connect-node's adapter else. */
interface Endpoint {
  unary: UnaryRoute | undefined;
  arrow: ArrowRoute | undefined;
  universal: UniversalHandler;
}

/** Serves every method of the routes over Connect, gRPC and gRPC-Web. */
export function createRpcDispatcher(routes: readonly ServiceRoute[], options: UnaryOptions): RpcDispatcher {
  const endpoints = createEndpoints(routes, options);
  return (path, request, response) => {
    const endpoint = endpoints.get(path);
    if (!endpoint) return false;
    const { tracer } = options;
    if (!tracer) void serveEndpoint(endpoint, request, response, options);
    else void traceRpc(tracer, path, request, () => serveEndpoint(endpoint, request, response, options));
    return true;
  };
}

/** Answers one request. Never rejects; answers what the caller was told went wrong. */
function serveEndpoint(
  endpoint: Endpoint,
  request: HttpRequest,
  response: HttpResponse,
  options: UnaryOptions,
): Promise<ConnectError | undefined> {
  if (endpoint.unary && isConnectUnary(request)) return serveConnectUnary(endpoint.unary, request, response, options);
  if (endpoint.arrow && isConnectStream(request)) return serveArrowStream(endpoint.arrow, request, response, options);
  return serveUniversal(endpoint.universal, request, response, options);
}

function createEndpoints(routes: readonly ServiceRoute[], options: UnaryOptions): Map<string, Endpoint> {
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli],
    // Answers are not compressed: most callers are on the same machine or network, where it costs more than it saves.
    compressMinBytes: Number.MAX_SAFE_INTEGER,
    readMaxBytes: options.maxRequestBytes,
    shutdownSignal: options.stopping,
    interceptors: [durationInterceptor(options.calls), errorInterceptor(options.log)],
    requestGate: (context) => gate(context, options),
  });
  const unary = new Map<string, UnaryRoute>();
  const arrow = new Map<string, ArrowRoute>();
  for (const route of routes) {
    for (const method of route.service.methods) {
      if (method.methodKind === "unary")
        unary.set(pathOf(method), registerUnary(router, route, method as DescMethodUnary));
      else router.rpc(method as DescMethodServerStreaming, handlerOf(route, method) as never);
      if (streamsArrow(method)) arrow.set(pathOf(method), { method, handle: handlerOf(route, method) as never });
    }
  }
  return new Map(
    router.handlers.map((universal) => {
      const path = universal.requestPath;
      return [path, { unary: unary.get(path), arrow: arrow.get(path), universal }];
    }),
  );
}

function gate(context: HandlerContext, options: UnaryOptions): void {
  const name = `${context.service.typeName}/${context.method.name}`;
  try {
    options.authorize(context.requestHeader.get("authorization"), name);
  } catch (error) {
    const wire = toWireError(error, options.log, name);
    options.calls.ended(systemOf(context.requestHeader), name, wire.code, performance.now());
    const note = context.values.get(errorNote);
    if (note) note.error = wire;
    throw wire;
  }
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/**
 * Registers a unary method for gRPC and gRPC-Web as a stream of one message, which is the same on the wire.
 *
 * Connect decodes a unary request before it calls interceptors, a stream's within them: this way a malformed request
 * reaches the error interceptor too, instead of leaving as INTERNAL.
 */
function registerUnary(router: ConnectRouter, route: ServiceRoute, method: DescMethodUnary): UnaryRoute {
  const handle = handlerOf(route, method) as unknown as UnaryHandler<
    MessageShape<DescMessage>,
    MessageShape<DescMessage>
  >;
  const twin = Object.create(method, { methodKind: { value: "server_streaming" } }) as DescMethodServerStreaming;
  router.rpc(twin, async function* stream(request: MessageShape<DescMessage>, context: HandlerContext) {
    yield await handle(request, context);
  });
  return {
    method,
    name: `${method.parent.typeName}/${method.name}`,
    handle: async (request, context) => handle(request, context),
  };
}

async function serveUniversal(
  handler: UniversalHandler,
  request: HttpRequest,
  response: HttpResponse,
  options: UnaryOptions,
): Promise<ConnectError | undefined> {
  const note: ErrorNote = {};
  try {
    const values = options.tracer && createContextValues().set(errorNote, note);
    const call = universalRequestFromNodeRequest(request, response, undefined, values);
    // A refused request may have more to come. Destroying it, as leaving a plain iteration does, would reset the stream
    // and the client would never read why.
    const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    const answer = await handler({ ...call, body });
    if (!request.complete) await drain(request, options.maxRequestBytes);
    const written = universalResponseToNodeResponse(answer, response);
    // The adapter's promise does not resolve when all is written.
    const left = await Promise.race([written, over(response)]);
    return left ?? note.error ?? refusalOf(answer.status);
  } catch (error) {
    const told = ConnectError.from(error);
    if (told.code !== Code.Aborted && told.code !== Code.Canceled)
      options.log(`cannot answer ${handler.service.typeName}/${handler.method.name}: ${String(error)}`);
    // Whatever state the answer is in, the client must not wait for more of it.
    if (!isGone(response)) response.destroy();
    return told;
  }
}

/** Resolves when a response was written whole, or when the client left before; then with that. */
function over(response: HttpResponse): Promise<ConnectError | undefined> {
  return new Promise((resolve) => {
    response.once("finish", () => resolve(undefined));
    response.once("close", () => resolve(new ConnectError("the client left", Code.Canceled)));
  });
}

/** What connect-node refuses by HTTP alone: methods and content types that no protocol has. */
function refusalOf(status: number): ConnectError | undefined {
  return status < 400 ? undefined : new ConnectError(`answered with HTTP ${status}`, codeFromHttpStatus(status));
}
