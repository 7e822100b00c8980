import { readFileSync } from "node:fs";
import { choiceOf, type Environment, httpUrl, invalidOption, type Variable, variableOf } from "../environment.ts";
import {
  hasScheme,
  type OtlpExporterOptions,
  type OtlpSignalOptions,
  type OtlpTls,
  otlpProtocols,
  withLowerCaseNames,
} from "./otlp-options.ts";

/**
 * Options over the variables OpenTelemetry defines: `OTEL_EXPORTER_OTLP_ENDPOINT`, `_PROTOCOL`, `_HEADERS`,
 * `_COMPRESSION`, `_TIMEOUT` (milliseconds; 0 for no limit), `_INSECURE` (gRPC only), and `_CERTIFICATE`,
 * `_CLIENT_CERTIFICATE` and `_CLIENT_KEY`, which name PEM files and are read here; each also with `TRACES_` or `LOGS_`
 * before it for one signal. An option beats a variable for one signal, too; headers and certificates are each one option.
 *
 * Errors: INVALID_FIELD naming the variable that is malformed or names a file that cannot be read.
 * Source: OpenTelemetry specification, Protocol Exporter, configuration options; Environment Variable Specification.
 */
export function otlpOptionsFromEnv(env: Environment, options: OtlpExporterOptions = {}): OtlpExporterOptions {
  const mayBeGrpc = [options, options.traces, options.logs].some((each) => each?.protocol === "grpc") || namesGrpc(env);
  const both = signalFromEnv(env, "", mayBeGrpc);
  const traces = over(options.traces, without(signalFromEnv(env, "TRACES_", mayBeGrpc), options));
  const logs = over(options.logs, without(signalFromEnv(env, "LOGS_", mayBeGrpc), options));
  return {
    ...over(options, both),
    ...(Object.keys(traces).length > 0 && { traces }),
    ...(Object.keys(logs).length > 0 && { logs }),
    ...(options.shape && { shape: options.shape }),
  };
}

type SignalPrefix = "" | "TRACES_" | "LOGS_";

/** The settings of a signal that are values; headers and certificates are put over each other one by one. */
const settings = ["endpoint", "protocol", "insecure", "compression", "timeoutMs"] as const;

/** Settings over others; what is undefined says nothing. */
function over(given: OtlpSignalOptions = {}, others: OtlpSignalOptions): OtlpSignalOptions {
  const headers = { ...others.headers, ...withLowerCaseNames(given.headers) };
  const tls = { ...others.tls, ...given.tls };
  return {
    ...Object.fromEntries(
      settings.map((name) => [name, given[name] ?? others[name]]).filter(([, value]) => value !== undefined),
    ),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

/** A signal's settings of the environment, but for those that an option for both signals gives. */
function without(fromEnv: OtlpSignalOptions, given: OtlpSignalOptions): OtlpSignalOptions {
  const isLeft =
    (names: object) =>
    ([name]: [string, unknown]) =>
      !Object.keys(names).includes(name);
  return {
    ...Object.fromEntries(settings.filter((name) => given[name] === undefined).map((name) => [name, fromEnv[name]])),
    headers: Object.fromEntries(
      Object.entries(fromEnv.headers ?? {}).filter(isLeft(withLowerCaseNames(given.headers))),
    ),
    tls: Object.fromEntries(Object.entries(fromEnv.tls ?? {}).filter(isLeft(given.tls ?? {}))),
  };
}

function protocolFromEnv(env: Environment, signal: SignalPrefix): OtlpSignalOptions["protocol"] {
  return choiceOf(variableOf(env, `OTEL_EXPORTER_OTLP_${signal}PROTOCOL`), otlpProtocols);
}

function namesGrpc(env: Environment): boolean {
  return (["", "TRACES_", "LOGS_"] as const).some((signal) => protocolFromEnv(env, signal) === "grpc");
}

function signalFromEnv(env: Environment, signal: SignalPrefix, mayBeGrpc: boolean): OtlpSignalOptions {
  const of = (name: string): Variable | undefined => variableOf(env, `OTEL_EXPORTER_OTLP_${signal}${name}`);
  const [endpoint, headers] = [of("ENDPOINT"), of("HEADERS")];
  const protocol = protocolFromEnv(env, signal);
  const compression = choiceOf(of("COMPRESSION"), ["gzip", "none"]);
  const timeoutMs = timeoutOf(of("TIMEOUT"));
  const insecure = choiceOf(of("INSECURE"), ["true", "false"]);
  return {
    ...(endpoint && { endpoint: endpointOf(endpoint, mayBeGrpc) }),
    ...(protocol && { protocol }),
    ...(headers && { headers: parseHeaders(headers) }),
    ...(compression && { compression }),
    ...(timeoutMs && { timeoutMs }),
    ...(insecure && { insecure: insecure === "true" }),
    tls: tlsOf(of),
  };
}

/** Only gRPC may do without a scheme; whether this endpoint is one for gRPC, options may say. */
function endpointOf({ name, value }: Variable, mayBeGrpc: boolean): string {
  if (hasScheme(value) || !mayBeGrpc) return httpUrl(name, value).href;
  httpUrl(name, `https://${value}`);
  return value;
}

/** The longest a timer can be: 24 days. */
const NO_LIMIT_MS = 2 ** 31 - 1;

/** Milliseconds; 0 means no limit, as OpenTelemetry's specification asks of timeouts. */
function timeoutOf(variable: Variable | undefined): number | undefined {
  if (!variable) return undefined;
  const { name, value } = variable;
  if (!/^[0-9]{1,15}$/.test(value)) throw invalidOption(name, value, "is not a whole number of milliseconds");
  return Math.min(Number(value) || NO_LIMIT_MS, NO_LIMIT_MS);
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
