import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A request over HTTP/1.1 or HTTP/2. */
export type AnyRequest = IncomingMessage | Http2ServerRequest;

/** An answer over HTTP/1.1 or HTTP/2. */
export type AnyResponse = ServerResponse | Http2ServerResponse;

/** What answers requests. */
export type AnyHandler = (request: AnyRequest, response: AnyResponse) => void;

/** How an HTTP/2 connection begins. */
const PREFACE = Buffer.from("PRI * HTTP/2.0");

/**
 * A port on loopback that speaks HTTP/1.1 and HTTP/2 in clear text, and can be cut off: then each connection is taken and
 * closed at once, as by a proxy without a server behind it, and counted.
 */
export class LoopbackListener implements AsyncDisposable {
  readonly #net: Server;
  readonly #sockets = new Set<Socket>();
  readonly #refusedOne: () => void;
  #cut = false;
  /** Connections that were refused since the listener was made. */
  refused = 0;

  constructor(handler: AnyHandler, refusedOne: () => void) {
    const http1 = createHttpServer({ keepAliveTimeout: 0 }, handler);
    const http2 = createHttp2Server({}, handler);
    this.#refusedOne = refusedOne;
    this.#net = createServer((socket) => {
      if (this.#cut) {
        socket.destroy();
        this.refused++;
        this.#refusedOne();
        return;
      }
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      // A client may end its process, and so its connections, whenever it likes.
      socket.on("error", () => socket.destroy());
      socket.once("data", (head: Buffer) => {
        socket.pause();
        socket.unshift(head);
        const isHttp2 = PREFACE.subarray(0, head.length).equals(head.subarray(0, PREFACE.length));
        (isHttp2 ? http2 : http1).emit("connection", socket);
        // A session of HTTP/2 reads what was given back by itself.
        if (!isHttp2) socket.resume();
      });
    });
  }

  /** Listens on a free port; gives the base URL. */
  async start(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#net.once("error", reject);
      this.#net.listen(0, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(this.#net.address() as AddressInfo).port}`;
  }

  /** Closes all connections, and each new one, until it is told otherwise. */
  setCut(cut: boolean): void {
    this.#cut = cut;
    if (cut) this.#closeConnections();
  }

  /** Ends. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#net.close(() => resolve()));
    this.#closeConnections();
    await closed;
  }

  #closeConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Closes the connection that a request came by, without an answer. */
export function cutOff(request: AnyRequest): void {
  if ("stream" in request) request.stream.session?.destroy();
  else request.socket.destroy();
}
