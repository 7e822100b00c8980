import { SpanloomError } from "@spanloom/protocol";
import type { Attributes } from "./metric-set.ts";

/** Environment variables by name, e.g. `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Protocols in which metrics are pushed; OpenTelemetry's names. */
export const pushProtocols = ["http/protobuf", "http/json", "grpc"] as const;

/** One of {@link pushProtocols}. */
export type PushProtocol = (typeof pushProtocols)[number];

/** How metrics are pushed. Endpoint, headers and the like are read from `OTEL_EXPORTER_OTLP_*` by OpenTelemetry's exporter. */
export interface PushOptions {
  /** Default `http/protobuf`. */
  protocol?: PushProtocol;
  /** How often, in milliseconds. Default 60,000. */
  intervalMs?: number;
  /** How long one push may take, in milliseconds. Default 30,000, or the interval if that is less. */
  timeoutMs?: number;
}

/** What the environment asks of metrics. */
export interface MetricsEnvironment {
  /** undefined when nothing is to be pushed. */
  push: PushOptions | undefined;
  /** Of the program's resource: `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`. */
  resource: Attributes;
}

const DEFAULT_INTERVAL_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Reads OpenTelemetry's variables: `OTEL_METRICS_EXPORTER` (`otlp`, `prometheus`, `none`; unlike OpenTelemetry's default,
 * nothing is pushed unless it is asked for), `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_METRIC_EXPORT_TIMEOUT`,
 * `OTEL_EXPORTER_OTLP_METRICS_PROTOCOL`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`, `OTEL_SDK_DISABLED`.
 *
 * Errors: INVALID_FIELD naming the variable that is malformed.
 * Source: OpenTelemetry specification, Environment Variable Specification.
 */
export function readMetricsEnvironment(env: Environment): MetricsEnvironment {
  const exporters = listOf(env, "OTEL_METRICS_EXPORTER");
  const other = exporters.find((name) => !["otlp", "prometheus", "none"].includes(name));
  if (other !== undefined) throw refuse("OTEL_METRICS_EXPORTER", other, "it is none of otlp, prometheus and none");
  const isOff = env.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true";
  const resource = readResource(env);
  return { push: exporters.includes("otlp") && !isOff ? readPush(env) : undefined, resource };
}

function readPush(env: Environment): PushOptions {
  const intervalMs = millisecondsOf(env, "OTEL_METRIC_EXPORT_INTERVAL") ?? DEFAULT_INTERVAL_MS;
  const timeoutMs = Math.min(millisecondsOf(env, "OTEL_METRIC_EXPORT_TIMEOUT") ?? DEFAULT_TIMEOUT_MS, intervalMs);
  return { protocol: readProtocol(env), intervalMs, timeoutMs };
}

function readProtocol(env: Environment): PushProtocol {
  for (const name of ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
    const text = env[name]?.trim();
    if (!text) continue;
    const protocol = pushProtocols.find((each) => each === text);
    if (protocol === undefined) throw refuse(name, text, `it is none of ${pushProtocols.join(", ")}`);
    return protocol;
  }
  return "http/protobuf";
}

/** Values are percent-encoded, as in W3C baggage. */
function readResource(env: Environment): Attributes {
  const name = "OTEL_RESOURCE_ATTRIBUTES";
  const attributes: Record<string, string> = {};
  for (const pair of listOf(env, name)) {
    const [, key, value] = /^([^=]+?)\s*=\s*(.*)$/.exec(pair) ?? [];
    if (key === undefined || value === undefined) throw refuse(name, pair, "it is not name=value");
    attributes[decoded(name, key)] = decoded(name, value);
  }
  const service = env.OTEL_SERVICE_NAME?.trim();
  return { ...attributes, ...(service && { "service.name": service }) };
}

function decoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw refuse(name, text, "it is not percent-encoded", cause);
  }
}

function listOf(env: Environment, name: string): string[] {
  return (env[name] ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function millisecondsOf(env: Environment, name: string): number | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw refuse(name, text, "it must be a whole number of milliseconds, 1 to 999999999");
}

function refuse(source: string, value: string, why: string, cause?: unknown): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use ${source} "${value}": ${why}`, { field: source }, { cause });
}
