import { createRequire } from "node:module";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { SpanloomError } from "@spanloom/protocol";
import type { Environment } from "./environment.ts";
import type { Exporter } from "./exporter.ts";
import type { OptionFieldsByName } from "./option-fields.ts";

/** What a package of exporters exports. */
export interface ExporterModule {
  exporterFromEnv: (env: Environment, options?: Record<string, unknown>) => Exporter;
  /** Its options, for files that name them. */
  optionFields?: OptionFieldsByName;
}

/** Where exporters are looked for. */
export interface ExporterPlaces {
  /** Folder that paths are relative to. */
  folder: string;
  /** Files beside whose packages theirs may be, the first first. */
  besides: readonly string[];
}

/**
 * Imports the package of an exporter: `otlp` for `@spanloom/exporter-otlp`, another package's name, or a path that begins
 * with `.` or `/`.
 *
 * Errors: INVALID_FIELD for what is not installed or is no exporter; what keeps an installed one from being loaded.
 */
export async function importExporter(name: string, places: ExporterPlaces): Promise<ExporterModule> {
  const module = (await import(pathToFileURL(locate(name, places)).href)) as Partial<ExporterModule>;
  if (typeof module.exporterFromEnv !== "function") throw refuse(name, "it has no function exporterFromEnv");
  return module as ExporterModule;
}

/** The file to import. */
function locate(name: string, { folder, besides }: ExporterPlaces): string {
  if (name.startsWith(".") || isAbsolute(name)) return resolve(folder, name);
  const packageName = /^[a-z0-9-]+$/.test(name) ? `@spanloom/exporter-${name}` : name;
  for (const from of besides) {
    try {
      return createRequire(from).resolve(packageName);
    } catch (error) {
      // It may be installed elsewhere; what is wrong with one that is installed must be told.
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw refuse(name, `it is not installed; run npm install ${packageName}`);
}

function refuse(name: string, why: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use exporter "${name}": ${why}`, { field: "exporter" });
}
