import { once } from "node:events";
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TlsOptions } from "node:tls";
import type { ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { LogsService, TraceService } from "@spanloom/protocol/otlp";

/** A real OTLP/gRPC endpoint on loopback that records what it takes and answers as told. */
export class OtlpGrpcPeer implements AsyncDisposable {
  readonly spanNames: string[] = [];
  readonly logBodies: string[] = [];
  readonly headers: Headers[] = [];
  /** Errors for the next calls. */
  readonly errors: ConnectError[] = [];
  /** Errors for the next calls with log records, before the others. */
  readonly logErrors: ConnectError[] = [];
  /** Break the connection in place of an answer. */
  cutOff = false;
  rejectedSpans = 0n;
  hanging = false;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #isSecure: boolean;
  readonly #server: Http2Server;

  /** With `tls` it speaks TLS alone. */
  constructor(tls?: TlsOptions) {
    this.#isSecure = tls !== undefined;
    const handler = this.#handler();
    this.#server = tls ? createSecureServer(tls, handler) : createServer(handler);
  }

  async start(): Promise<this> {
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
    });
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    return `${this.#isSecure ? "https" : "http"}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  #handler(): ReturnType<typeof connectNodeAdapter> {
    return connectNodeAdapter({
      routes: ({ service }) => {
        service(TraceService, {
          export: async ({ resourceSpans }, { requestHeader }) => {
            await this.#answer(requestHeader);
            for (const { scopeSpans } of resourceSpans)
              for (const { spans } of scopeSpans) this.spanNames.push(...spans.map(({ name }) => name));
            return { partialSuccess: { rejectedSpans: this.rejectedSpans, errorMessage: "some" } };
          },
        });
        service(LogsService, {
          export: async ({ resourceLogs }, { requestHeader }) => {
            await this.#answer(requestHeader, this.logErrors.shift());
            for (const { scopeLogs } of resourceLogs)
              for (const each of scopeLogs)
                this.logBodies.push(...each.logRecords.map(({ body }) => String(body?.value.value)));
            return {};
          },
        });
      },
    });
  }

  async #answer(header: Headers, first?: ConnectError): Promise<void> {
    this.headers.push(header);
    if (this.hanging) await new Promise(() => undefined);
    if (this.cutOff) for (const session of this.#sessions) session.destroy();
    const error = first ?? this.errors.shift();
    if (error) throw error;
  }
}
