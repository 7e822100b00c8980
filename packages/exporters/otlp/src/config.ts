import { readFileSync } from "node:fs";
import { SpanloomError } from "@spanloom/protocol";

/** Protocols an OTLP endpoint may speak; OpenTelemetry's names. */
export type OtlpProtocol = "http/protobuf" | "grpc";

/** What can be different for spans and for log records. */
export interface OtlpSignalOptions {
  /**
   * Where to send. For a signal: the whole URL. For both: the base URL, to which HTTP adds `/v1/traces` and `/v1/logs`.
   * Default `http://localhost:4318`, for gRPC `http://localhost:4317`.
   */
  readonly endpoint?: string;
  /** Default `http/protobuf`. */
  readonly protocol?: OtlpProtocol;
  /** Sent with every request, e.g. an API key. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `none`. */
  readonly compression?: "gzip" | "none";
  /** Longest time one request may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
}

/** Certificates as PEM text. */
export interface OtlpTls {
  /** Trusted authorities, instead of the system's. */
  readonly ca?: string;
  /** The client's own certificate, for mutual TLS. */
  readonly cert?: string;
  readonly key?: string;
}

/** How to reach an OTLP endpoint. */
export interface OtlpExporterOptions extends OtlpSignalOptions {
  /** For spans, over what is said for both. */
  readonly traces?: OtlpSignalOptions;
  /** For log records, over what is said for both. */
  readonly logs?: OtlpSignalOptions;
  readonly tls?: OtlpTls;
}

/** Signals this package sends. */
export type OtlpSignal = "traces" | "logs";

/** Options of one signal with nothing left open. */
export interface OtlpTarget {
  readonly url: URL;
  readonly protocol: OtlpProtocol;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: "gzip" | "none";
  readonly timeoutMs: number;
  readonly tls: OtlpTls;
}

/**
 * What holds for one signal.
 *
 * Errors: INVALID_FIELD for an endpoint that is not an HTTP URL, or a timeout that is not a positive number.
 */
export function targetOf(options: OtlpExporterOptions, signal: OtlpSignal): OtlpTarget {
  const own = options[signal] ?? {};
  const protocol = own.protocol ?? options.protocol ?? "http/protobuf";
  const timeoutMs = own.timeoutMs ?? options.timeoutMs ?? 10_000;
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) throw invalid("timeoutMs", timeoutMs, "is not a number of milliseconds");
  return {
    url: endpointOf(options, signal, protocol),
    protocol,
    headers: { ...options.headers, ...own.headers },
    compression: own.compression ?? options.compression ?? "none",
    timeoutMs,
    tls: options.tls ?? {},
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

function httpUrl(field: string, text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw invalid(field, text, "is not an http or https URL");
}

/** Environment variables by name, e.g. `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Options from the variables OpenTelemetry defines: `OTEL_EXPORTER_OTLP_ENDPOINT`, `_PROTOCOL`, `_HEADERS`,
 * `_COMPRESSION`, `_TIMEOUT` (milliseconds), each also with `TRACES_` or `LOGS_` before it for one signal;
 * `OTEL_EXPORTER_OTLP_CERTIFICATE`, `_CLIENT_CERTIFICATE` and `_CLIENT_KEY`, which name PEM files and are read here.
 *
 * Errors: INVALID_FIELD naming the variable that is malformed or names a file that cannot be read.
 * Source: OpenTelemetry specification, Protocol Exporter, configuration options.
 */
export function otlpOptionsFromEnv(env: Environment): OtlpExporterOptions {
  const traces = signalFromEnv(env, "TRACES_");
  const logs = signalFromEnv(env, "LOGS_");
  const tls = tlsFromEnv(env);
  return {
    ...signalFromEnv(env, ""),
    ...(Object.keys(traces).length > 0 && { traces }),
    ...(Object.keys(logs).length > 0 && { logs }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

/** A variable and its value; empty counts as unset, as the specification asks. */
interface Variable {
  readonly name: string;
  readonly value: string;
}

function variable(env: Environment, name: string): Variable | undefined {
  const value = env[name]?.trim();
  return value ? { name, value } : undefined;
}

function signalFromEnv(env: Environment, signal: "" | "TRACES_" | "LOGS_"): OtlpSignalOptions {
  const of = (name: string): Variable | undefined => variable(env, `OTEL_EXPORTER_OTLP_${signal}${name}`);
  const [endpoint, protocol, headers, compression, timeout] = [
    of("ENDPOINT"),
    of("PROTOCOL"),
    of("HEADERS"),
    of("COMPRESSION"),
    of("TIMEOUT"),
  ];
  return {
    ...(endpoint && { endpoint: httpUrl(endpoint.name, endpoint.value).href }),
    ...(protocol && { protocol: oneOf(protocol, ["http/protobuf", "grpc"]) }),
    ...(headers && { headers: parseHeaders(headers) }),
    ...(compression && { compression: oneOf(compression, ["gzip", "none"]) }),
    ...(timeout && { timeoutMs: parseTimeout(timeout) }),
  };
}

function oneOf<const Choice extends string>({ name, value }: Variable, choices: readonly Choice[]): Choice {
  const choice = choices.find((each) => each === value);
  if (choice !== undefined) return choice;
  throw invalid(name, value, `is not one of ${choices.join(", ")}`);
}

function parseTimeout({ name, value }: Variable): number {
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
  throw invalid(name, value, "is not a whole number of milliseconds");
}

/** `key=value,key2=value2`, values percent-encoded as in W3C baggage. */
function parseHeaders({ name, value }: Variable): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of value.split(",")) {
    if (pair.trim() === "") continue;
    const [, key, text] = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    // The value may be a secret: only its place is told.
    if (key === undefined || text === undefined) throw invalid(name, "…", "is not a list of key=value pairs");
    headers[key.toLowerCase()] = decoded(name, text);
  }
  return headers;
}

function decoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw invalid(name, "…", "has a value that is not percent-encoded", error);
  }
}

function tlsFromEnv(env: Environment): OtlpTls {
  const pem = (suffix: string): string | undefined => {
    const named = variable(env, `OTEL_EXPORTER_OTLP_${suffix}`);
    if (!named) return undefined;
    try {
      return readFileSync(named.value, "utf8");
    } catch (error) {
      throw invalid(named.name, named.value, "cannot be read", error);
    }
  };
  const [ca, cert, key] = [pem("CERTIFICATE"), pem("CLIENT_CERTIFICATE"), pem("CLIENT_KEY")];
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}

function invalid(field: string, value: unknown, problem: string, cause?: unknown): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot export OTLP: ${field} "${value}" ${problem}`, { field }, { cause });
}
