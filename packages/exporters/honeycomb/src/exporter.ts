import { configureExporter, type Environment, required } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { type HoneycombOptions, honeycombOptionsFromEnv } from "./config.ts";

const urls = { us: "https://api.honeycomb.io", eu: "https://api.eu1.honeycomb.io" } as const;

/**
 * Sends spans and log records to Honeycomb, as OTLP with gzip.
 *
 * Errors: INVALID_FIELD when the API key is missing, or an option is out of its domain.
 */
export function honeycombExporter(options: HoneycombOptions): OtlpExporter {
  const { dataset, region = "us", ...connection } = options;
  return new OtlpExporter(
    {
      compression: "gzip",
      ...connection,
      endpoint: options.endpoint ?? urls[region],
      headers: {
        ...connection.headers,
        "x-honeycomb-team": required(options.apiKey, "apiKey", "HONEYCOMB_API_KEY"),
        ...(dataset !== undefined && { "x-honeycomb-dataset": dataset }),
      },
    },
    { backend: { name: "honeycomb", account: dataset } },
  );
}

/**
 * As {@link honeycombExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is missing or malformed.
 */
export function exporterFromEnv(env: Environment, options: HoneycombOptions = {}): OtlpExporter {
  return honeycombExporter(honeycombOptionsFromEnv(env, options));
}

/**
 * Sends what every runner of this process traces to Honeycomb, too: one line before the runner is made. Options beat the
 * environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureHoneycomb(options: HoneycombOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
