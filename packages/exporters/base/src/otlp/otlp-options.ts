import { validateHeaderName, validateHeaderValue } from "node:http";
import type { ExporterOptions } from "../configure.ts";
import { httpUrl, invalidOption } from "../environment.ts";
import type { ShapeTelemetry } from "../shape/shape-telemetry.ts";

/** Protocols an OTLP endpoint may speak; OpenTelemetry's names. */
export const otlpProtocols = ["http/protobuf", "http/json", "grpc"] as const;

/** One of {@link otlpProtocols}. */
export type OtlpProtocol = (typeof otlpProtocols)[number];

/** What can be different for spans and for log records. */
export interface OtlpSignalOptions {
  /**
   * Where to send. For a signal: the whole URL. For both: the base URL, to which HTTP adds `/v1/traces` and `/v1/logs`.
   * With gRPC the scheme may be missing: `collector:4317`. Default `http://localhost:4318`, for gRPC
   * `http://localhost:4317`.
   */
  readonly endpoint?: string | undefined;
  /** Default `http/protobuf`. */
  readonly protocol?: OtlpProtocol | undefined;
  /** Whether a gRPC endpoint without a scheme is spoken to without TLS. Default false. */
  readonly insecure?: boolean | undefined;
  /** Sent with every request, e.g. an API key. Names are the same in any case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default `none`. */
  readonly compression?: "gzip" | "none" | undefined;
  /** Longest time one request may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Certificates; over those for both. */
  readonly tls?: OtlpTls | undefined;
}

/** Certificates as PEM text. */
export interface OtlpTls {
  /** Trusted authorities, instead of the system's. */
  readonly ca?: string;
  /** The client's own certificate, for mutual TLS. */
  readonly cert?: string;
  readonly key?: string;
}

/** Signals this package sends. */
export type OtlpSignal = "traces" | "logs";

/** How to reach an OTLP endpoint. */
export interface OtlpExporterOptions extends OtlpSignalOptions, ExporterOptions {
  /** For spans, over what is said for both. */
  readonly traces?: OtlpSignalOptions | undefined;
  /** For log records, over what is said for both. */
  readonly logs?: OtlpSignalOptions | undefined;
}

/** What packages for one backend can be told of the connection, besides what their backend asks for. */
export interface OtlpPresetOptions extends Omit<OtlpSignalOptions, "protocol">, ExporterOptions {}

/** A request about to be sent over HTTP. */
export interface OutgoingRequest {
  readonly url: URL;
  readonly method: "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What a package for one backend adds to {@link OtlpExporterOptions}. */
export interface OtlpBackend {
  /** Name of the exporter. Default `otlp`. */
  readonly name?: string;
  /** What tells this destination from others at the same URLs, e.g. a dataset or tenant; no secret. */
  readonly account?: string | undefined;
  /** Signals the backend takes; others are left out in silence. Default: both. */
  readonly signals?: readonly OtlpSignal[];
  /** Most records of one request. Default: no bound of its own. */
  readonly maxRequestRecords?: number;
  /** Most bytes of one request, by the estimate of batch-size.ts. Default: no bound of its own. */
  readonly maxRequestBytes?: number;
  /** A change of every batch after its shape, e.g. of ids; the batch given must stay as it is. */
  readonly translate?: ShapeTelemetry | undefined;
  /**
   * Gives the headers of one HTTP request, e.g. signed. What it throws fails the request, which is tried again later:
   * credentials may be back by then. Default: as given.
   */
  readonly authorize?: (request: OutgoingRequest) => Promise<Readonly<Record<string, string>>>;
}

/** Options of one signal with nothing left open. */
export interface OtlpTarget {
  readonly url: URL;
  readonly protocol: OtlpProtocol;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: "gzip" | "none";
  readonly timeoutMs: number;
  readonly tls: OtlpTls;
  readonly userAgent: string;
  readonly authorize?: OtlpBackend["authorize"];
}

/**
 * What holds for one signal.
 *
 * Errors: INVALID_FIELD for an endpoint that is not an HTTP URL, a header that HTTP does not allow, or a timeout that is
 * not a positive number.
 */
export function targetOf(options: OtlpExporterOptions, signal: OtlpSignal, backend: OtlpBackend = {}): OtlpTarget {
  const own = options[signal] ?? {};
  const protocol = own.protocol ?? options.protocol ?? "http/protobuf";
  const timeoutMs = own.timeoutMs ?? options.timeoutMs ?? 10_000;
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31))
    throw invalidOption("timeoutMs", timeoutMs, "is not a number of milliseconds");
  return {
    url: endpointOf(options, signal, protocol),
    protocol,
    headers: sendable({ ...withLowerCaseNames(options.headers), ...withLowerCaseNames(own.headers) }),
    compression: own.compression ?? options.compression ?? "none",
    timeoutMs,
    tls: { ...options.tls, ...own.tls },
    userAgent: `spanloom-exporter-${backend.name ?? "otlp"}`,
    authorize: backend.authorize,
  };
}

function endpointOf(options: OtlpExporterOptions, signal: OtlpSignal, protocol: OtlpProtocol): URL {
  const own = options[signal]?.endpoint;
  const insecure = options[signal]?.insecure ?? options.insecure ?? false;
  const urlOf = (field: string, text: string): URL =>
    httpUrl(field, protocol === "grpc" && !hasScheme(text) ? `${insecure ? "http" : "https"}://${text}` : text);
  if (own !== undefined) return urlOf(`${signal}.endpoint`, own);
  const base = urlOf("endpoint", options.endpoint ?? `http://localhost:${protocol === "grpc" ? 4317 : 4318}`);
  if (protocol === "grpc") return base;
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, "")}/v1/${signal}`;
  return url;
}

/** Whether an endpoint is a URL, not a host and port. */
export function hasScheme(endpoint: string): boolean {
  return endpoint.includes("://");
}

/** Headers as HTTP/2 has them, so that one that is given twice in different cases is still one. */
export function withLowerCaseNames(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Headers that HTTP allows. A key read from a file often ends in a line break, which it does not. */
function sendable(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (error) {
      // The value may be a secret.
      throw invalidOption(`headers.${name}`, "…", "cannot be sent in a header", error);
    }
  }
  return headers;
}
