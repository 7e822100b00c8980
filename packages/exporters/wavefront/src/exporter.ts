import { configureExporter, type Environment, optionsFromEnv } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { type WavefrontOptions, wavefrontVariables, withApplication } from "./config.ts";

/**
 * Sends spans to a Wavefront proxy, as OTLP.
 *
 * Errors: INVALID_FIELD when an option is out of its domain.
 */
export function wavefrontExporter(options: WavefrontOptions = {}): OtlpExporter {
  const { application: _application, sendLogs = false, ...connection } = options;
  return new OtlpExporter(
    { ...connection, shape: withApplication(options) },
    { backend: { name: "wavefront", signals: sendLogs ? ["traces", "logs"] : ["traces"] } },
  );
}

/**
 * As {@link wavefrontExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is missing or malformed.
 */
export function exporterFromEnv(env: Environment, options: WavefrontOptions = {}): OtlpExporter {
  return wavefrontExporter(optionsFromEnv(wavefrontVariables, env, options));
}

/**
 * Sends what every runner of this process traces to Wavefront, too: one line before the runner is made. Options beat the
 * environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureWavefront(options: WavefrontOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
