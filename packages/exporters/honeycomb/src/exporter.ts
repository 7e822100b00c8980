import { configureExporter, type Environment, optionsFromEnv, required } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { type HoneycombOptions, honeycombVariables, isClassic } from "./config.ts";

const urls = { us: "https://api.honeycomb.io", eu: "https://api.eu1.honeycomb.io" } as const;

/**
 * Sends spans and log records to Honeycomb, as OTLP with gzip.
 *
 * Errors: INVALID_FIELD when the API key is missing, or the dataset that a key of Honeycomb Classic needs, or an option is
 * out of its domain.
 */
export function honeycombExporter(options: HoneycombOptions): OtlpExporter {
  const { region = "us", ...connection } = options;
  const apiKey = required(options.apiKey, "apiKey", "HONEYCOMB_API_KEY");
  const dataset = isClassic(apiKey) ? required(options.dataset, "dataset", "HONEYCOMB_DATASET") : options.dataset;
  return new OtlpExporter(
    {
      compression: "gzip",
      ...connection,
      endpoint: options.endpoint ?? urls[region],
      headers: {
        ...connection.headers,
        "x-honeycomb-team": apiKey,
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
  return honeycombExporter(optionsFromEnv(honeycombVariables, env, options));
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
