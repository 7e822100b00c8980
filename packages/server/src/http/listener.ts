import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { SpanloomError } from "@spanloom/protocol";
import type { TlsKeyPair } from "./tls-files.ts";

/**
 * One port for HTTP/1.1 and HTTP/2, plain or over TLS.
 *
 * Over TLS the handshake tells which of the two a connection speaks (ALPN). Without it the first bytes do: HTTP/2 with
 * prior knowledge opens with "PRI * HTTP/2.0", which no HTTP/1.1 request can start with.
 *
 * I1. A connection is handed to exactly one of the two servers, with the bytes read so far given back to it.
 * I2. After `stop` no handle is left: no socket, no timer, no listener.
 * I3. A request that was begun before `stop` is answered, unless it takes longer than the grace period.
 * I4. A client that closes its connection, or dies, ends its requests: what they wait for is not kept for nobody.
 * I5. A client that does not close a connection the server is done with does not keep it: not here, not in `stop`.
 */

/** Handles a request of either version; the compatible API makes them look alike. */
export type HttpHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

/** Where to listen and what to be strict about. */
export interface ListenerOptions {
  /** Address or name, e.g. `127.0.0.1`. */
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** Answers requests. Must not throw. */
  handler: HttpHandler;
  /** How long `stop` waits for requests in flight. Default 10 s. */
  graceMs?: number;
  /** How long a connection may take to say which protocol it speaks, and a request to send its headers. Default 10 s. */
  headersTimeoutMs?: number;
  /** How long a request may take to arrive over HTTP/1.1. Default 60 s: 16 MiB over a slow line. */
  requestTimeoutMs?: number;
  /** Serves TLS, 1.2 or later, and nothing else. Default: no TLS. */
  tls?: TlsKeyPair | undefined;
}

const PREFACE = Buffer.from("PRI");
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_STREAMS_PER_SESSION = 1_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** How often Node looks for requests that take too long. */
const CHECK_MS = 5_000;
/** Longer than the idle limit of common proxies and clients (60 s), so that the client is the one to close. */
const KEEP_ALIVE_MS = 75_000;
const IDLE_SESSION_MS = 300_000;
/** How long a client may take to close an HTTP/2 connection after the server's last word. */
const LINGER_MS = 500;
/** HTTP/2's default window of 64 KiB stalls a large body once per window; this lets a whole request through. */
const WINDOW_BYTES = 16 * 1024 * 1024;

/** Listens, tells the two versions apart and serves both with one handler. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #http1: Server;
  readonly #http2: Http2Server;
  readonly #tls: TlsServer | undefined;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Connections of HTTP/2, which the HTTP/1.1 server waits for in `stop` but cannot close. */
  readonly #http2Sockets = new Set<Socket>();
  /** Connections and requests that were ended before the handler saw them. */
  readonly refused = { tls: 0, silent: 0, malformed: 0, headers: 0, http2: 0 };
  /** Connections that have not said what they speak. */
  readonly #undecided = new Set<Socket>();
  /** What Node's HTTP/1.1 server does with a connection. */
  #serveHttp1: ((socket: Socket) => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#http1 = this.#createHttp1();
    this.#http2 = this.#createHttp2();
    this.#tls = options.tls && this.#createTls(options.tls);
  }

  #createHttp1(): Server {
    const requestTimeout = this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const headersTimeout = Math.min(this.#options.headersTimeoutMs ?? 10_000, requestTimeout);
    const server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout,
        requestTimeout,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: Math.min(CHECK_MS, requestTimeout),
        noDelay: true,
      },
      this.#options.handler,
    );
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === "HPE_HEADER_OVERFLOW") this.refused.headers++;
      else if (error.code !== "ECONNRESET") this.refused.malformed++;
      refuseHttp1(error, socket);
    });
    // The server's own listener for connections becomes the second step, after the look at the first bytes.
    this.#serveHttp1 = server.listeners("connection")[0] as (socket: Socket) => void;
    server.removeAllListeners("connection");
    server.on("connection", (socket) => {
      if (this.#tls) this.#tls.emit("connection", this.#undecide(socket));
      else this.#sniff(socket, headersTimeout);
    });
    return server;
  }

  /** The limit of headers that HTTP/2 tells its clients is a wish: nghttp2 takes up to 64 KiB all the same. */
  #handleHttp2(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const headerBytes = request.rawHeaders.reduce((bytes, text) => bytes + text.length, 0);
    if (headerBytes <= MAX_HEADER_BYTES) {
      this.#options.handler(request, response);
      return;
    }
    this.refused.headers++;
    request.resume();
    response.writeHead(431);
    response.end();
  }

  /** A server that listens to nothing: it shakes hands over the connections it is given. */
  #createTls(pair: TlsKeyPair): TlsServer {
    const handshakeTimeout = this.#options.headersTimeoutMs ?? 10_000;
    const server = createTlsServer({
      ...pair,
      minVersion: "TLSv1.2",
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout,
    });
    server.on("secureConnection", (socket) => {
      this.#decided(socket);
      if (socket.alpnProtocol === "h2") this.#serveHttp2(socket);
      else this.#serveHttp1?.call(this.#http1, socket);
    });
    // A client that does not trust the certificate, or speaks no TLS: it sees a closed connection.
    server.on("tlsClientError", (_error, socket) => {
      this.refused.tls++;
      socket.destroy();
    });
    return server;
  }

  /** Uses another certificate for connections from now on. Errors: those of Node for a pair that cannot be used. */
  renew(pair: TlsKeyPair): void {
    this.#tls?.setSecureContext({ ...pair, minVersion: "TLSv1.2" });
  }

  #undecide(socket: Socket): Socket {
    this.#undecided.add(socket);
    socket.once("close", () => this.#undecided.delete(socket));
    return socket;
  }

  #createHttp2(): Http2Server {
    const server = createHttp2Server(
      {
        maxSessionMemory: 64,
        settings: {
          maxConcurrentStreams: MAX_STREAMS_PER_SESSION,
          maxHeaderListSize: MAX_HEADER_BYTES,
          initialWindowSize: WINDOW_BYTES,
        },
      },
      (request, response) => this.#handleHttp2(request, response),
    );
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.setLocalWindowSize(WINDOW_BYTES);
      session.setTimeout(IDLE_SESSION_MS, () => session.close());
      session.once("close", () => this.#sessions.delete(session));
    });
    // A broken session ends itself; the client sees a closed connection.
    server.on("sessionError", () => {
      this.refused.http2++;
    });
    return server;
  }

  /** Node does not tell which connection a TLS socket is over; its peer does. */
  #decided({ remoteAddress, remotePort }: Socket): void {
    for (const socket of this.#undecided)
      if (socket.remotePort === remotePort && socket.remoteAddress === remoteAddress) this.#undecided.delete(socket);
  }

  #sniff(socket: Socket, timeoutMs: number): void {
    let head: Buffer = Buffer.alloc(0);
    const giveUp = (): void => {
      socket.destroy();
    };
    const onTimeout = (): void => {
      this.refused.silent++;
      giveUp();
    };
    const onData = (chunk: Buffer): void => {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (head.length < PREFACE.length && PREFACE.subarray(0, head.length).equals(head)) return;
      socket.off("data", onData).off("error", giveUp).off("timeout", onTimeout).setTimeout(0);
      this.#undecided.delete(socket);
      socket.pause();
      socket.unshift(head);
      if (head.subarray(0, PREFACE.length).equals(PREFACE)) {
        this.#serveHttp2(socket);
      } else {
        this.#serveHttp1?.call(this.#http1, socket);
        socket.resume();
      }
    };
    this.#undecide(socket).setTimeout(timeoutMs);
    socket.on("data", onData).on("error", giveUp).on("timeout", onTimeout);
  }

  /** An HTTP/2 session reads what was given back by itself. */
  #serveHttp2(socket: Socket): void {
    // The HTTP/1.1 server accepts connections that may stay half open, and an HTTP/2 session does not notice that the
    // client's half has ended: the calls of a killed client would wait on, and its long polls would lease (I4).
    socket.allowHalfOpen = false;
    this.#http2Sockets.add(socket);
    socket.once("close", () => this.#http2Sockets.delete(socket));
    socket.once("finish", () => socket.setTimeout(LINGER_MS, () => socket.destroy()));
    this.#http2.emit("connection", socket);
  }

  /**
   * Starts to listen and answers with the port.
   *
   * Errors: INVALID_STATE naming the address and what to do about it.
   */
  async start(): Promise<number> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port));
      this.#http1.once("error", onError);
      this.#http1.listen({ host, port, backlog: 1024 }, () => {
        this.#http1.off("error", onError);
        resolve();
      });
    });
    return (this.#http1.address() as AddressInfo).port;
  }

  /** Takes no more connections, answers what is in flight, closes the rest. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (!this.#http1.listening) return;
    const closed = new Promise<void>((resolve) => this.#http1.close(() => resolve()));
    for (const socket of this.#undecided) socket.destroy();
    for (const session of this.#sessions) session.close();
    // A keep-alive connection falls idle when its last answer is out; the server closes only those idle already.
    const sweep = setInterval(() => this.#http1.closeIdleConnections(), 10);
    const cutOff = setTimeout(() => this.#destroyAll(), this.#options.graceMs ?? 10_000);
    await closed;
    clearInterval(sweep);
    clearTimeout(cutOff);
  }

  #destroyAll(): void {
    this.#http1.closeAllConnections();
    // A session that has ended already may still have its socket, with an answer that nobody reads.
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#http2Sockets) socket.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Answers by error of Node's parser; others are answered with 400. */
const statusLines: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/** Ends a connection as Node does where nobody listens: with an answer, unless one has begun. */
function refuseHttp1(error: NodeJS.ErrnoException, socket: Socket & { _httpMessage?: { headersSent: boolean } }): void {
  if (socket.writable && !socket._httpMessage?.headersSent)
    socket.write(`HTTP/1.1 ${statusLines[error.code ?? ""] ?? "400 Bad Request"}\r\nConnection: close\r\n\r\n`);
  socket.destroy(error);
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): SpanloomError {
  const why: Record<string, string> = {
    EADDRINUSE: "another process has the port; choose another with --port or SPANLOOM_PORT",
    EACCES: "the port needs privileges; choose one above 1023 with --port or SPANLOOM_PORT",
    EADDRNOTAVAIL: "this machine has no such address; choose another with --host or SPANLOOM_HOST",
    ENOTFOUND: "the host name is not known; choose another with --host or SPANLOOM_HOST",
  };
  const reason = why[error.code ?? ""] ?? error.message;
  return new SpanloomError("INVALID_STATE", `cannot listen on ${host}:${port}: ${reason}`, {}, { cause: error });
}
