import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceResponseSchema,
  type ExportTraceServiceRequest,
  ExportTraceServiceResponseSchema,
} from "@spanloom/protocol/otlp";
import { type OtlpEncoding, readLogs, readTraces } from "./read-otlp.ts";

/** A request as the peer received it. */
export interface RecordedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As sent, compressed or not. */
  readonly body: Buffer;
}

/** How the peer answers a request: as told without taking it, or by taking it. */
export type Answer = ((response: ServerResponse) => void) | "take";

/** What a peer insists on; a request that breaks it is answered 400 and kept in `violations`. */
export interface PeerRules {
  /** Paths it serves. Default: those of OTLP. */
  readonly tracesPath?: string;
  readonly logsPath?: string;
  /** Encoding of bodies. Default: either. */
  readonly encoding?: OtlpEncoding;
  /** Headers of every request for a signal, by lower-case name. */
  readonly headers?: {
    readonly traces: Readonly<Record<string, string>>;
    readonly logs: Readonly<Record<string, string>>;
  };
  /** Says what else is wrong with a request; undefined when nothing is. */
  readonly check?: (request: RecordedRequest) => string | undefined;
  /** Largest body it takes, decompressed; a larger one is answered 413. */
  readonly maxBytes?: number;
}

/**
 * A strict OTLP/HTTP endpoint on loopback: it records what it takes, answers as told, and refuses what OTLP or its rules
 * do not allow.
 */
export class OtlpPeer implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  readonly traces: ExportTraceServiceRequest[] = [];
  readonly logs: ExportLogsServiceRequest[] = [];
  /** What requests did wrong. */
  readonly violations: string[] = [];
  /** Answers for the next requests, which are then not recorded as taken unless they are to be; afterwards all are taken. */
  readonly answers: Answer[] = [];
  /** Requests that were larger than it takes. */
  tooLarge = 0;
  /** Never answer. */
  hanging = false;
  readonly #rules: PeerRules;
  readonly #isSecure: boolean;
  readonly #server: Server;

  /** With `tls` it speaks TLS alone. */
  constructor(rules: PeerRules = {}, tls?: ServerOptions) {
    this.#rules = rules;
    this.#isSecure = tls !== undefined;
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = tls ? createSecureServer(tls, serve) : createServer(serve);
  }

  async start(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    return `${this.#isSecure ? "https" : "http"}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get spanNames(): string[] {
    return this.traces.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name))),
    );
  }

  get logBodies(): string[] {
    return this.logs.flatMap(({ resourceLogs }) =>
      resourceLogs.flatMap(({ scopeLogs }) =>
        scopeLogs.flatMap(({ logRecords }) => logRecords.map(({ body }) => String(body?.value.value))),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      // The exporter hung up; there is nobody to answer.
      return;
    }
    const recorded = { path: request.url ?? "", headers: request.headers, body: Buffer.concat(pieces) };
    this.requests.push(recorded);
    if (this.hanging) return;
    const answer = this.answers.shift();
    if (typeof answer === "function") answer(response);
    else this.#take(request.method ?? "", recorded, response);
  }

  #take(method: string, request: RecordedRequest, response: ServerResponse): void {
    try {
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(request.body) : request.body;
      if (body.byteLength > (this.#rules.maxBytes ?? Number.POSITIVE_INFINITY)) {
        this.tooLarge++;
        response.writeHead(413).end();
        return;
      }
      const encoding = this.#check(method, request);
      if (this.#signalOf(request) === "traces") this.traces.push(readTraces(body, encoding));
      else this.logs.push(readLogs(body, encoding));
      response.writeHead(200, { "content-type": request.headers["content-type"] }).end(encoding === "json" ? "{}" : "");
    } catch (error) {
      this.violations.push(String(error));
      response.writeHead(400).end();
    }
  }

  #signalOf({ path }: RecordedRequest): "traces" | "logs" {
    const { tracesPath = "/v1/traces", logsPath = "/v1/logs" } = this.#rules;
    if (path === tracesPath) return "traces";
    if (path === logsPath) return "logs";
    throw new Error(`${path} is not served here`);
  }

  #check(method: string, request: RecordedRequest): OtlpEncoding {
    const { headers } = request;
    const encoding = encodings[headers["content-type"] ?? ""];
    const wanted = Object.entries(this.#rules.headers?.[this.#signalOf(request)] ?? {});
    const problems = [
      method === "POST" ? "" : `the method is ${method}`,
      encoding ? "" : `the content type is ${headers["content-type"]}`,
      !this.#rules.encoding || encoding === this.#rules.encoding ? "" : `the encoding is ${encoding}`,
      [undefined, "gzip"].includes(headers["content-encoding"])
        ? ""
        : `the compression is ${headers["content-encoding"]}`,
      headers["content-length"] === String(request.body.byteLength) ? "" : "the content length is wrong",
      headers.host === new URL(this.url).host ? "" : `the host is ${headers.host}`,
      /^spanloom-exporter-/.test(headers["user-agent"] ?? "") ? "" : `the user agent is ${headers["user-agent"]}`,
      ...wanted.map(([name, value]) => (headers[name] === value ? "" : `header ${name} is ${headers[name]}`)),
      this.#rules.check?.(request) ?? "",
    ].filter((problem) => problem !== "");
    if (problems.length > 0) throw new Error(problems.join(", "));
    return encoding!;
  }
}

const encodings: Readonly<Record<string, OtlpEncoding>> = {
  "application/x-protobuf": "protobuf",
  "application/json": "json",
};

/** Answers with a status and headers. */
export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(code, headers).end("no");
}

/** Takes a request of spans but for some of them. */
export function rejectSpans(rejectedSpans: bigint, errorMessage: string): Answer {
  const message = create(ExportTraceServiceResponseSchema, { partialSuccess: { rejectedSpans, errorMessage } });
  return (response) => response.end(toBinary(ExportTraceServiceResponseSchema, message));
}

/** Takes a request of log records but for some of them. */
export function rejectLogs(rejectedLogRecords: bigint, errorMessage: string): Answer {
  const message = create(ExportLogsServiceResponseSchema, { partialSuccess: { rejectedLogRecords, errorMessage } });
  return (response) => response.end(toBinary(ExportLogsServiceResponseSchema, message));
}
