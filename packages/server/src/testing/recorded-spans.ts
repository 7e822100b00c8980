import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { bytesToHex } from "@spanloom/protocol";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
  type KeyValue,
  type Span,
} from "@spanloom/protocol/otlp";

/** Test fixture: a collector of spans on loopback, for OpenTelemetry's own exporters over HTTP with protobuf. */
export class SpanCollector implements AsyncDisposable {
  readonly traces: ExportTraceServiceRequest[] = [];
  /** Bodies as they came. */
  readonly bodies: Buffer[] = [];
  readonly #server = createServer((request, response) => {
    void this.#take(request).then(() => response.writeHead(200, { "content-type": "application/x-protobuf" }).end());
  });

  async start(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #take(request: IncomingMessage): Promise<void> {
    const body = Buffer.concat(await request.toArray());
    if (request.url !== "/v1/traces") throw new Error(`${request.url} is not served here`);
    this.bodies.push(body);
    this.traces.push(fromBinary(ExportTraceServiceRequestSchema, body));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

/** A span that a peer took, as tests look at it. */
export interface RecordedSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  kind: number;
  status: number | undefined;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
  links: string[];
  resource: Record<string, unknown>;
}

/** All spans that a collector took. */
export function recordedSpans({ traces }: { traces: readonly ExportTraceServiceRequest[] }): RecordedSpan[] {
  return traces.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map((span) => toRecorded(span, plain(resource?.attributes ?? [])))),
    ),
  );
}

function toRecorded(span: Span, resource: Record<string, unknown>): RecordedSpan {
  return {
    name: span.name,
    traceId: bytesToHex(span.traceId),
    spanId: bytesToHex(span.spanId),
    parentSpanId: bytesToHex(span.parentSpanId),
    kind: span.kind,
    status: span.status?.code,
    attributes: plain(span.attributes),
    events: span.events.map(({ name, attributes }) => ({ name, attributes: plain(attributes) })),
    links: span.links.map(({ spanId }) => bytesToHex(spanId)),
    resource,
  };
}

function plain(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, numberOf(value?.value.value)]));
}

function numberOf(value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
