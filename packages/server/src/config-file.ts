import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type OptionField,
  type OptionFieldsByName,
  readFields,
  type ShapeOptions,
  shapeFields,
} from "@spanloom/exporter";
import { SpanloomError } from "@spanloom/protocol";
import { parseForwardFrom } from "./forward/forward-from.ts";
import { type ExporterConfig, withAliases } from "./forward/load-exporters.ts";

/** What a configuration file says. */
export interface ConfigFile {
  /** As it was named. */
  path: string;
  settings: Readonly<Record<string, unknown>>;
  exporters: readonly ExporterConfig[] | undefined;
}

/** Names of settings, and what they may be. */
export type FileFields = OptionFieldsByName;

/** How a file is read. */
export interface ReadOptions {
  /** Folder that its path is relative to. */
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  fields: FileFields;
}

/** An exporter in a file. */
const exporterField: OptionField = {
  fields: { name: "text", use: "text", from: "text", options: "any", shape: { fields: shapeFields } },
};

interface ExporterEntry {
  name?: string;
  use?: string;
  from?: string;
  options?: unknown;
  shape?: ShapeOptions;
}

/**
 * Reads a configuration file: JSON, or a module whose `config` or default export is the same as an object.
 *
 * Errors: INVALID_FIELD naming the file, and the place in it that is unknown, missing or malformed.
 */
export async function readConfigFile(path: string, { folder, env, fields }: ReadOptions): Promise<ConfigFile> {
  const place = { file: path, path: "", env };
  const all = { ...fields, exporters: { each: exporterField } } as const;
  const { exporters, ...settings } = readFields(await contentOf(path, resolve(folder, path)), all, place);
  return { path, settings, exporters: (exporters as ExporterEntry[] | undefined)?.map(exporterOf(path, env)) };
}

async function contentOf(path: string, file: string): Promise<unknown> {
  try {
    if (file.endsWith(".json")) return JSON.parse(await readFile(file, "utf8"));
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown; config?: unknown };
    return module.config ?? module.default;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SpanloomError("INVALID_FIELD", `cannot read ${path}: ${why}`, { field: "--config" }, { cause: error });
  }
}

function exporterOf(file: string, env: ReadOptions["env"]) {
  return (
    { use, name = use, from, options, shape }: ExporterEntry,
    i: number,
    all: ExporterEntry[],
  ): ExporterConfig => {
    const path = `exporters[${i}]`;
    if (!use || !name) throw refuse(file, `${path}.use`, "is missing; it names a package, as otlp");
    const before = all.findIndex((each) => (each.name ?? each.use) === name);
    if (before < i)
      throw refuse(file, `${path}.name`, `is "${name}", as that of exporters[${before}]; give it another`);
    return {
      name,
      use,
      place: { file, path: `${path}.options`, env },
      ...(options !== undefined && { options }),
      ...(shape && { shape: withAliases(shape) as ShapeOptions }),
      ...(from !== undefined && { from: parseForwardFrom(`${path}.from in ${file}`, from) }),
    };
  };
}

function refuse(file: string, path: string, problem: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use ${file}: ${path} ${problem}`, { field: path });
}
