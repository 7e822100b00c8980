import { configureExporter, type Environment, optionsFromEnv } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { type JaegerOptions, jaegerVariables } from "./config.ts";

/**
 * Sends spans to Jaeger, as OTLP. Jaeger takes no log records.
 *
 * Errors: INVALID_FIELD when an option is out of its domain.
 */
export function jaegerExporter(options: JaegerOptions = {}): OtlpExporter {
  return new OtlpExporter(options, { backend: { name: "jaeger", signals: ["traces"] } });
}

/**
 * As {@link jaegerExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is missing or malformed.
 */
export function exporterFromEnv(env: Environment, options: JaegerOptions = {}): OtlpExporter {
  return jaegerExporter(optionsFromEnv(jaegerVariables, env, options));
}

/**
 * Sends what every runner of this process traces to Jaeger, too: one line before the runner is made. Options beat the
 * environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureJaeger(options: JaegerOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
