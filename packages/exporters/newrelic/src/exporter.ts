import { configureExporter, type Environment, optionsFromEnv, required } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { type NewRelicOptions, newRelicRegions, newRelicVariables } from "./config.ts";

/** New Relic takes 1 MB in a request; sizes here are estimates. */
const MAX_REQUEST_BYTES = 900_000;

const urls = {
  us: "https://otlp.nr-data.net",
  eu: "https://otlp.eu01.nr-data.net",
  jp: "https://otlp.jp01.nr-data.net",
  gov: "https://gov-otlp.nr-data.net",
} as const;

/**
 * Sends spans and log records to New Relic, as OTLP with gzip.
 *
 * Errors: INVALID_FIELD when the license key is missing, or an option is out of its domain.
 */
export function newRelicExporter(options: NewRelicOptions): OtlpExporter {
  const { region, ...connection } = options;
  const licenseKey = required(options.licenseKey, "licenseKey", "NEW_RELIC_LICENSE_KEY");
  return new OtlpExporter(
    {
      compression: "gzip",
      ...connection,
      endpoint: options.endpoint ?? urls[region ?? regionOf(licenseKey)],
      headers: { ...connection.headers, "api-key": licenseKey },
    },
    { backend: { name: "newrelic", maxRequestBytes: MAX_REQUEST_BYTES } },
  );
}

function regionOf(licenseKey: string): keyof typeof urls {
  return newRelicRegions.find((region) => licenseKey.startsWith(region)) ?? "us";
}

/**
 * As {@link newRelicExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is missing or malformed.
 */
export function exporterFromEnv(env: Environment, options: NewRelicOptions = {}): OtlpExporter {
  return newRelicExporter(optionsFromEnv(newRelicVariables, env, options));
}

/**
 * Sends what every runner of this process traces to New Relic, too: one line before the runner is made. Options beat the
 * environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureNewRelic(options: NewRelicOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
