import { configureExporter, type Environment, optionsFromEnv } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { type DatadogOptions, datadogUrl, datadogVariables, withEnvironment } from "./config.ts";

/** Datadog takes 3.2 MB of traces and 5 MB of logs in a request; sizes here are estimates. */
const MAX_REQUEST_BYTES = 2_500_000;

/**
 * Sends spans and log records to Datadog's intake, or to a Datadog Agent when there is no API key, as OTLP over HTTP.
 *
 * Errors: INVALID_FIELD when an option is out of its domain.
 */
export function datadogExporter(options: DatadogOptions = {}): OtlpExporter {
  const { apiKey, source: _source, site: _site, agentHost: _agentHost, env: _env, ...connection } = options;
  return new OtlpExporter(
    {
      compression: "gzip",
      ...connection,
      shape: withEnvironment(options),
      endpoint: options.endpoint ?? datadogUrl(options),
      headers: { ...connection.headers, ...(apiKey !== undefined && { "dd-api-key": apiKey }) },
      traces: { headers: apiKey === undefined ? {} : intakeHeaders(options) },
    },
    { backend: { name: "datadog", maxRequestBytes: MAX_REQUEST_BYTES } },
  );
}

/** Without trace metrics, which the intake makes only when asked to, Datadog shows neither services nor rates. */
function intakeHeaders({ source, headers }: DatadogOptions): Record<string, string> {
  return { compute_stats: "true", ...(source !== undefined && { "dd-otlp-source": source }), ...headers };
}

/**
 * As {@link datadogExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is missing or malformed.
 */
export function exporterFromEnv(env: Environment, options: DatadogOptions = {}): OtlpExporter {
  return datadogExporter(optionsFromEnv(datadogVariables, env, options));
}

/**
 * Sends what every runner of this process traces to Datadog, too: one line before the runner is made. Options beat the
 * environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureDatadog(options: DatadogOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
