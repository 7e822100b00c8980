import { configureExporter, type Environment, optionsFromEnv } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { type TempoOptions, tempoHeaders, tempoVariables } from "./config.ts";

/**
 * Sends spans to Grafana Tempo, as OTLP. Tempo takes no log records.
 *
 * Errors: INVALID_FIELD when an option is out of its domain.
 */
export function tempoExporter(options: TempoOptions = {}): OtlpExporter {
  const connection = { ...options, headers: { ...options.headers, ...tempoHeaders(options) } };
  return new OtlpExporter(connection, { backend: { name: "tempo", account: options.tenant, signals: ["traces"] } });
}

/**
 * As {@link tempoExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is missing or malformed.
 */
export function exporterFromEnv(env: Environment, options: TempoOptions = {}): OtlpExporter {
  return tempoExporter(optionsFromEnv(tempoVariables, env, options));
}

/**
 * Sends what every runner of this process traces to Grafana Tempo, too: one line before the runner is made. Options beat the
 * environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureTempo(options: TempoOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
