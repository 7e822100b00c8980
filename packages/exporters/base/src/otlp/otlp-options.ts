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
   * Default `http://localhost:4318`, for gRPC `http://localhost:4317`.
   */
  readonly endpoint?: string | undefined;
  /** Default `http/protobuf`. */
  readonly protocol?: OtlpProtocol | undefined;
  /** Sent with every request, e.g. an API key. */
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
 * Errors: INVALID_FIELD for an endpoint that is not an HTTP URL, or a timeout that is not a positive number.
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
    headers: { ...options.headers, ...own.headers },
    compression: own.compression ?? options.compression ?? "none",
    timeoutMs,
    tls: { ...options.tls, ...own.tls },
    userAgent: `spanloom-exporter-${backend.name ?? "otlp"}`,
    authorize: backend.authorize,
  };
}

function endpointOf(options: OtlpExporterOptions, signal: OtlpSignal, protocol: OtlpProtocol): URL {
  const own = options[signal]?.endpoint;
  if (own !== undefined) return httpUrl(`${signal}.endpoint`, own);
  const base = httpUrl("endpoint", options.endpoint ?? `http://localhost:${protocol === "grpc" ? 4317 : 4318}`);
  if (protocol === "grpc") return base;
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, "")}/v1/${signal}`;
  return url;
}
