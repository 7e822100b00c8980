import { join } from "node:path";
import {
  type Exporter,
  type FieldPlace,
  importExporter,
  type OptionFieldsByName,
  readFields,
  type ShapeOptions,
  workflowAliases,
} from "@spanloom/exporter";
import type { ForwardFrom } from "./forwarder.ts";

/** An exporter, and the name that its cursor is kept by. */
export interface NamedExporter {
  name: string;
  exporter: Exporter;
  /** Where it begins when it has no cursor. Default: where all do. */
  from?: ForwardFrom;
}

/** An exporter that is configured. */
export interface ExporterConfig {
  /** Tells it from the others; its cursor is kept by it. */
  name: string;
  /** `otlp` for `@spanloom/exporter-otlp`, another package's name, or a path that begins with `.` or `/`. */
  use: string;
  /** What its package is told over its environment variables, as it stands in a file. */
  options?: unknown;
  /** What of the telemetry it is given, over what `options` say of it. */
  shape?: ShapeOptions;
  /** Where it begins when it has no cursor. */
  from?: ForwardFrom;
  /** Where in which file it stands. */
  place?: FieldPlace;
}

/** Where exporters are looked for, and what they are configured by. */
export interface LoadOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** Folder that paths are relative to, and whose packages are found beside the server's own. */
  folder: string;
}

/**
 * Loads exporters. Each is configured by its own environment variables, and by its options over them.
 *
 * Errors: INVALID_FIELD for what is not installed or is no exporter, and for options that are not known to a package that
 * tells which it knows; whatever refuses its configuration.
 */
export async function loadExporters(
  configs: readonly ExporterConfig[],
  options: LoadOptions,
): Promise<NamedExporter[]> {
  const loaded: NamedExporter[] = [];
  for (const config of configs) {
    const exporter = await loadExporter(config, options);
    loaded.push({ name: config.name, exporter, ...(config.from !== undefined && { from: config.from }) });
  }
  return loaded;
}

async function loadExporter(config: ExporterConfig, { env, folder }: LoadOptions): Promise<Exporter> {
  const besides = [import.meta.filename, join(folder, "package.json")];
  const { exporterFromEnv, optionFields } = await importExporter(config.use, { folder, besides });
  const options = optionsOf(config, optionFields);
  return options ? exporterFromEnv(env, options) : exporterFromEnv(env);
}

/** What it is told; undefined when that is nothing, so that functions that take the environment alone do. */
function optionsOf({ options, shape, place }: ExporterConfig, fields: OptionFieldsByName | undefined) {
  if (options === undefined && shape === undefined) return undefined;
  const given = options ?? {};
  const read = fields && place ? readFields(given, fields, place) : (given as Record<string, unknown>);
  const shaped = { ...withAliases(read.shape as ShapeOptions | undefined), ...shape };
  return { ...read, ...((read.shape !== undefined || shape) && { shape: shaped }) };
}

/** A shape as a file may have it: with the name of aliases that are known. */
export function withAliases(shape: ShapeOptions | undefined): ShapeOptions | undefined {
  const isNamed = (shape?.aliases as unknown) === "workflow";
  return isNamed ? { ...shape, aliases: workflowAliases } : shape;
}
