import { configureExporter, type Environment, optionsFromEnv, required } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { type AxiomOptions, axiomUrl, axiomVariables } from "./config.ts";

/**
 * Sends spans, and log records where they have a dataset, to Axiom, as OTLP over HTTP with gzip.
 *
 * Errors: INVALID_FIELD when the API key or the dataset is missing, or an option is out of its domain.
 */
export function axiomExporter(options: AxiomOptions): OtlpExporter {
  const { dataset: given, logsDataset, orgId, region, ...connection } = options;
  const apiKey = required(options.apiKey, "apiKey", "AXIOM_API_KEY");
  const dataset = required(given, "dataset", "AXIOM_TRACES_DATASET");
  return new OtlpExporter(
    {
      compression: "gzip",
      ...connection,
      endpoint: options.endpoint ?? axiomUrl(region),
      headers: {
        ...connection.headers,
        authorization: `Bearer ${apiKey}`,
        ...(orgId !== undefined && { "x-axiom-org-id": orgId }),
      },
      traces: { headers: { "x-axiom-dataset": dataset } },
      logs: { headers: { "x-axiom-dataset": logsDataset ?? "" } },
    },
    {
      backend: {
        name: "axiom",
        account: [dataset, logsDataset ?? ""].join(" ").trimEnd(),
        signals: logsDataset === undefined ? ["traces"] : ["traces", "logs"],
      },
    },
  );
}

/**
 * As {@link axiomExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is missing or malformed.
 */
export function exporterFromEnv(env: Environment, options: AxiomOptions = {}): OtlpExporter {
  return axiomExporter(optionsFromEnv(axiomVariables, env, options));
}

/**
 * Sends what every runner of this process traces to Axiom, too: one line before the runner is made. Options beat the
 * environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureAxiom(options: AxiomOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
