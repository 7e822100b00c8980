import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ErrorDetailSchema, fromConnectError, SpanloomError } from "@spanloom/protocol";
import { createUnaryTransport } from "./unary-transport.ts";

/** Where a server listens unless told otherwise. */
export const DEFAULT_URL = "http://127.0.0.1:7171";

/** How to reach a server. */
export interface ConnectionOptions {
  /** Base URL, default `http://127.0.0.1:7171`. */
  url?: string | undefined;
  /** Bearer token, when the server asks for one. */
  token?: string | undefined;
  /** Deadline of every call that has none of its own. Default 30,000. */
  timeoutMs?: number | undefined;
  /**
   * HTTP version. Default "1.1": a connection for each call under way, kept for the next, which costs a fraction of the
   * CPU. Use "2" where a proxy in between asks for it, or for very many calls at once: one connection carries them all.
   */
  httpVersion?: "1.1" | "2" | undefined;
  /** A ready transport, e.g. an in-memory router; the other options but `url` are then ignored. */
  transport?: Transport | undefined;
}

/** A way to the server that can be closed. */
export interface Connection {
  /** Base URL, for messages. */
  readonly url: string;
  /** Carries the calls. */
  readonly transport: Transport;
  /** Closes sockets; calls under way fail. Safe to call twice. */
  close(): void;
}

/**
 * Makes the connection; the socket is opened by the first call and does not keep an idle process alive.
 *
 * Errors: INVALID_FIELD when the URL is not an http or https URL.
 */
export function connect(options: ConnectionOptions = {}): Connection {
  const url = parseUrl(options.url ?? DEFAULT_URL);
  if (options.transport) return { url, transport: options.transport, close: () => undefined };
  const common = {
    baseUrl: url,
    useBinaryFormat: true,
    // Deadlines travel as whole milliseconds; a server refuses any other.
    defaultTimeoutMs: Math.ceil(options.timeoutMs ?? 30_000),
    // On loopback and in data centres the network is faster than gzip; nothing is gained by asking for it.
    acceptCompression: [],
    interceptors: options.token ? [bearer(options.token)] : [],
  };
  if (options.httpVersion === "2") {
    const sessionManager = new Http2SessionManager(url, { pingIntervalMs: 20_000 });
    const transport = createConnectTransport({ ...common, httpVersion: "2", sessionManager });
    return { url, transport, close: () => sessionManager.abort() };
  }
  const pool = { keepAlive: true, maxSockets: MAX_SOCKETS, noDelay: true };
  const agent = url.startsWith("https:") ? new SecureAgent(pool) : new Agent(pool);
  const { unary } = createUnaryTransport({ ...common, agent, token: options.token });
  const { stream } = createConnectTransport({ ...common, httpVersion: "1.1", nodeOptions: { agent } });
  return { url, transport: { unary, stream }, close: () => agent.destroy() };
}

/** Connections of one client: calls beyond them wait for one, and a server is not flooded with sockets. */
const MAX_SOCKETS = 256;

function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return text.replace(/\/+$/, "");
  throw new SpanloomError("INVALID_FIELD", `cannot connect to "${text}": the URL must start with http:// or https://`, {
    field: "url",
  });
}

function bearer(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

/**
 * Translates what a call failed with; the one place on the client's side where ConnectErrors end.
 *
 * A failure that no server described (connection refused, reset, closed stream) becomes STORE_UNAVAILABLE, so that it
 * is retried, whatever code the HTTP stack chose for it.
 */
export function toCallError(error: unknown, url: string): SpanloomError {
  if (error instanceof SpanloomError) return error;
  const connectError = ConnectError.from(error);
  const described = connectError.findDetails(ErrorDetailSchema).length > 0;
  if (described || !isTransportFailure(connectError)) return fromConnectError(connectError);
  return new SpanloomError(
    "STORE_UNAVAILABLE",
    `cannot reach the server at ${url}: ${connectError.rawMessage}`,
    {},
    { cause: error },
  );
}

const transportCodes: ReadonlySet<Code> = new Set([Code.Unavailable, Code.Aborted, Code.Canceled]);

function isTransportFailure(error: ConnectError): boolean {
  return transportCodes.has(error.code) || (error.code === Code.Internal && hasNodeCode(error.cause));
}

function hasNodeCode(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string";
}
