import { configureExporter, type Environment, shapeOptionsOf } from "@spanloom/exporter";
import { OtlpExporter, type OtlpExporterOptions, otlpOptionsFromEnv } from "@spanloom/exporter/otlp";

/**
 * Sends spans and log records to an OTLP endpoint; see {@link OtlpExporter}.
 *
 * Errors: INVALID_FIELD for an option out of its domain.
 */
export function otlpExporter(options: OtlpExporterOptions = {}): OtlpExporter {
  return new OtlpExporter(options);
}

/**
 * As {@link otlpExporter}, configured by the variables OpenTelemetry defines (see `otlpOptionsFromEnv`); options beat them.
 *
 * Errors: INVALID_FIELD naming the variable or option that is malformed.
 */
export function exporterFromEnv(env: Environment, options: OtlpExporterOptions = {}): OtlpExporter {
  return otlpExporter({ ...otlpOptionsFromEnv(env, options), shape: shapeOptionsOf(env, options.shape) });
}

/**
 * Sends what every runner of this process traces to an OTLP endpoint, too: one line before the runner is made. Options
 * beat the environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureOtlp(options: OtlpExporterOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
