import { type Environment, shapeOptionsOf, variableOf, withDefaults } from "@spanloom/exporter";
import type { OtlpPresetOptions, OtlpProtocol } from "@spanloom/exporter/otlp";

/** Which Jaeger to send to. */
export interface JaegerOptions extends OtlpPresetOptions {
  /** Default `http/protobuf`. */
  readonly protocol?: OtlpProtocol | undefined;
}

/** Options over `JAEGER_ENDPOINT`. */
export function jaegerOptionsFromEnv(env: Environment, options: JaegerOptions = {}): JaegerOptions {
  const fromEnv: JaegerOptions = { endpoint: variableOf(env, "JAEGER_ENDPOINT")?.value };
  return { ...withDefaults(options, fromEnv), shape: shapeOptionsOf(env, options.shape) };
}
