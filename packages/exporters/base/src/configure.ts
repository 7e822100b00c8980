import type { Environment } from "./environment.ts";
import type { Exporter } from "./exporter.ts";
import { registerExporter } from "./registry.ts";
import type { ShapeOptions } from "./shape/shape-options.ts";

/** What every exporter can be told. */
export interface ExporterOptions {
  /** What of the telemetry the backend is given, and how. Default: all of it, as recorded. */
  readonly shape?: ShapeOptions | undefined;
}

/**
 * Registers an exporter for the whole process in one line: each exporter package has its own `configure…` over it.
 *
 * It stands for the composition of a program that has none, and is therefore the one place in the libraries that reads
 * the process's environment.
 *
 * Errors: whatever `fromEnv` throws.
 */
export function configureExporter(fromEnv: (env: Environment) => Exporter): () => void {
  const env = { ...process.env };
  return registerExporter(() => fromEnv(env));
}
