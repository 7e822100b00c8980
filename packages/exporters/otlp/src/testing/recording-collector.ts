import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
  ExportLogsServiceResponseSchema,
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from "@spanloom/protocol/otlp";

/** A request as the collector received it. */
export interface RecordedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** How the collector answers a request. */
export type Answer = (response: ServerResponse) => void;

/** A real OTLP/HTTP endpoint on loopback that records what it takes and answers as told. */
export class RecordingCollector implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  readonly traces: ExportTraceServiceRequest[] = [];
  readonly logs: ExportLogsServiceRequest[] = [];
  /** Answers for the next requests, which are then not recorded as taken; afterwards all are taken. */
  readonly answers: Answer[] = [];
  /** Never answer. */
  hanging = false;
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
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
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    this.requests.push({ path: request.url ?? "", headers: request.headers });
    if (this.hanging) return;
    const answer = this.answers.shift();
    if (answer) return answer(response);
    const encoded = Buffer.concat(pieces);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(encoded) : encoded;
    if (request.url?.endsWith("/traces")) this.traces.push(fromBinary(ExportTraceServiceRequestSchema, body));
    else this.logs.push(fromBinary(ExportLogsServiceRequestSchema, body));
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  }
}

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
