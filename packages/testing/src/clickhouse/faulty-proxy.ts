import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

/** What befalls a request on its way, or its answer. */
export type Fault =
  /** The connection breaks before the request arrives. */
  | { kind: "dropped" }
  /** It is answered with an error of ClickHouse instead. */
  | { kind: "refused"; status: number; code: number; text: string }
  /** It is served, and the connection breaks before the answer. */
  | { kind: "unanswered" }
  /** It is served, and the connection breaks in the middle of the answer. */
  | { kind: "cut off"; afterBytes: number }
  /** It is served, and the answer turns into an error after so many bytes. */
  | { kind: "failed"; afterBytes: number; text: string }
  /** The connection breaks, and the request is served when the promise resolves. */
  | { kind: "late"; until: Promise<void> }
  /** It is served when the promise resolves. */
  | { kind: "held"; until: Promise<void> };

/** A way to a ClickHouse on which things go wrong as a test says. */
export class FaultyProxy implements AsyncDisposable {
  /** Decides what befalls a statement; by default nothing. */
  faultOf: (sql: string) => Fault | undefined = () => undefined;
  readonly #target: string;
  readonly #server: Server;
  readonly #late = new Set<Promise<unknown>>();

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer({ maxHeaderSize: 4 * 1024 ** 2 }, (incoming, response) => {
      this.#serve(incoming, response).catch(() => response.destroy());
    });
  }

  /** Starts one in front of a ClickHouse. */
  static async start(target: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** Where it listens. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when every late request was served. */
  async settled(): Promise<void> {
    await Promise.all(this.#late);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat((await incoming.toArray()) as Buffer[]);
    const query = new URL(incoming.url ?? "/", this.#target).searchParams.get("query");
    const fault = this.faultOf(query ?? textOf(incoming, body));
    switch (fault?.kind) {
      case "dropped":
        return void response.destroy();
      case "refused":
        return refuse(response, fault);
      case "late":
        response.destroy();
        this.#late.add(fault.until.then(() => this.#forward(incoming, body)));
        return;
      case "held":
        await fault.until;
        break;
    }
    const { status, headers, bytes } = await this.#forward(incoming, body);
    if (fault?.kind === "unanswered") return void response.destroy();
    response.writeHead(status, headers);
    if (fault?.kind === "cut off") {
      response.write(bytes.subarray(0, fault.afterBytes), () => response.destroy());
    } else if (fault?.kind === "failed") {
      response.end(Buffer.concat([bytes.subarray(0, fault.afterBytes), Buffer.from(fault.text)]));
    } else {
      response.end(bytes);
    }
  }

  async #forward(incoming: IncomingMessage, body: Buffer) {
    // Answers are to be cut where a test says, so they are not compressed.
    const { "accept-encoding": _, "transfer-encoding": __, host: ___, ...headers } = incoming.headers;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { method: incoming.method ?? "POST", headers: { ...headers, "content-length": body.length } };
    request(new URL(incoming.url ?? "/", this.#target), options, resolve)
      .on("error", reject)
      .end(body);
    const answer = await promise;
    const bytes = Buffer.concat((await answer.toArray()) as Buffer[]);
    const { "transfer-encoding": ____, "content-length": _____, ...kept } = answer.headers;
    return { status: answer.statusCode ?? 500, headers: kept, bytes };
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function textOf({ headers }: IncomingMessage, body: Buffer): string {
  return (headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
}

function refuse(response: ServerResponse, { status, code, text }: Fault & { kind: "refused" }): void {
  response.writeHead(status, { "X-ClickHouse-Exception-Code": String(code) });
  response.end(`Code: ${code}. DB::Exception: ${text} (version 26.1.1.1)\n`);
}
