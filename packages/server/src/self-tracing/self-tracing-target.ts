import { SpanloomError } from "@spanloom/protocol";

/** Where self-tracing goes: to the server's own store, or by OTLP. */
export type SelfTracingTarget = { kind: "self" } | { kind: "otlp"; protocol: OtlpProtocol; url?: string };

/** Protocols of OTLP, as OTEL_EXPORTER_OTLP_PROTOCOL names them. */
export type OtlpProtocol = (typeof protocols)[number];

const protocols = ["http/protobuf", "http/json", "grpc"] as const;

/**
 * Reads where self-tracing goes: `self`, `env` for what OTEL_EXPORTER_OTLP_* say, or the base URL of a collector, to
 * which HTTP adds `/v1/traces`. The protocol is the one that the environment names, or HTTP with protobuf.
 *
 * Errors: INVALID_FIELD, naming `source`, for anything else.
 */
export function readSelfTracingTarget(
  source: string,
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): SelfTracingTarget {
  if (text === "self") return { kind: "self" };
  const protocol = readProtocol(env);
  if (text === "env") return { kind: "otlp", protocol };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw refuse(source, text, "it must be self, env or a URL as http://127.0.0.1:4318");
  if (protocol !== "grpc" && !url.pathname.endsWith("/v1/traces"))
    url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  return { kind: "otlp", protocol, url: url.href };
}

function readProtocol(env: Readonly<Record<string, string | undefined>>): OtlpProtocol {
  const variable = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL
    ? "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
    : "OTEL_EXPORTER_OTLP_PROTOCOL";
  const named = env[variable] || "http/protobuf";
  const protocol = protocols.find((each) => each === named);
  if (protocol) return protocol;
  throw refuse(variable, named, `self-tracing speaks ${protocols.join(", ")}`);
}

function refuse(source: string, value: string, why: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use ${source} "${value}": ${why}`, { field: source });
}
