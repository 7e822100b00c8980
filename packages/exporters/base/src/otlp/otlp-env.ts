import { readFileSync } from "node:fs";
import {
  choiceOf,
  countOf,
  type Environment,
  httpUrl,
  invalidOption,
  type Variable,
  variableOf,
} from "../environment.ts";
import { type OtlpExporterOptions, type OtlpSignalOptions, type OtlpTls, otlpProtocols } from "./otlp-options.ts";

/**
 * Options from the variables OpenTelemetry defines: `OTEL_EXPORTER_OTLP_ENDPOINT`, `_PROTOCOL`, `_HEADERS`,
 * `_COMPRESSION`, `_TIMEOUT` (milliseconds), `_INSECURE` (gRPC only), and `_CERTIFICATE`, `_CLIENT_CERTIFICATE` and
 * `_CLIENT_KEY`, which name PEM files and are read here; each also with `TRACES_` or `LOGS_` before it for one signal.
 *
 * Errors: INVALID_FIELD naming the variable that is malformed or names a file that cannot be read.
 * Source: OpenTelemetry specification, Protocol Exporter, configuration options.
 */
export function otlpOptionsFromEnv(env: Environment): OtlpExporterOptions {
  const both = signalFromEnv(env, "");
  const traces = signalFromEnv(env, "TRACES_", both);
  const logs = signalFromEnv(env, "LOGS_", both);
  return {
    ...both,
    ...(Object.keys(traces).length > 0 && { traces }),
    ...(Object.keys(logs).length > 0 && { logs }),
  };
}

function signalFromEnv(
  env: Environment,
  signal: "" | "TRACES_" | "LOGS_",
  both: OtlpSignalOptions = {},
): OtlpSignalOptions {
  const of = (name: string): Variable | undefined => variableOf(env, `OTEL_EXPORTER_OTLP_${signal}${name}`);
  const [endpoint, headers] = [of("ENDPOINT"), of("HEADERS")];
  const protocol = choiceOf(of("PROTOCOL"), otlpProtocols);
  const compression = choiceOf(of("COMPRESSION"), ["gzip", "none"]);
  const timeoutMs = countOf(of("TIMEOUT"), "milliseconds");
  const insecure = choiceOf(of("INSECURE"), ["true", "false"]);
  const tls = tlsOf(of);
  const isGrpc = (protocol ?? both.protocol) === "grpc";
  return {
    ...(endpoint && {
      endpoint: isGrpc ? grpcEndpoint(endpoint, insecure) : httpUrl(endpoint.name, endpoint.value).href,
    }),
    ...(protocol && { protocol }),
    ...(headers && { headers: parseHeaders(headers) }),
    ...(compression && { compression }),
    ...(timeoutMs && { timeoutMs }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

/** With gRPC an endpoint may lack its scheme, and then is secure unless it is said not to be. */
function grpcEndpoint({ name, value }: Variable, insecure: "true" | "false" | undefined): string {
  if (/^https?:/i.test(value)) return httpUrl(name, value).href;
  return httpUrl(name, `${insecure === "true" ? "http" : "https"}://${value}`).href;
}

/** `key=value,key2=value2`, values percent-encoded as in W3C baggage. */
function parseHeaders({ name, value }: Variable): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of value.split(",")) {
    if (pair.trim() === "") continue;
    const [, key, text] = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    // The value may be a secret: only its place is told.
    if (key === undefined || text === undefined) throw invalidOption(name, "…", "is not a list of key=value pairs");
    headers[key.toLowerCase()] = decoded(name, text);
  }
  return headers;
}

function decoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw invalidOption(name, "…", "has a value that is not percent-encoded", error);
  }
}

function tlsOf(of: (name: string) => Variable | undefined): OtlpTls {
  const pem = (suffix: string): string | undefined => {
    const named = of(suffix);
    if (!named) return undefined;
    try {
      return readFileSync(named.value, "utf8");
    } catch (error) {
      throw invalidOption(named.name, named.value, "cannot be read", error);
    }
  };
  const [ca, cert, key] = [pem("CERTIFICATE"), pem("CLIENT_CERTIFICATE"), pem("CLIENT_KEY")];
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}
