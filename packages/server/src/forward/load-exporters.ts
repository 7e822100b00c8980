import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Exporter } from "@spanloom/exporter";
import { SpanloomError } from "@spanloom/protocol";

/** An exporter, and the name that its cursor is kept by. */
export interface NamedExporter {
  name: string;
  exporter: Exporter;
}

/** Where exporters are looked for, and what they are configured by. */
export interface LoadOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** Folder that paths are relative to, and whose packages are found beside the server's own. */
  folder: string;
}

/**
 * Loads exporters: `otlp` is the package `@spanloom/exporter-otlp`; others are named as they are, or by a path that
 * begins with `.` or `/`. Each is configured by its own environment variables.
 *
 * Errors: INVALID_FIELD for what is not installed or is no exporter; whatever refuses its configuration.
 */
export async function loadExporters(names: readonly string[], options: LoadOptions): Promise<NamedExporter[]> {
  const loaded: NamedExporter[] = [];
  for (const name of names) loaded.push({ name, exporter: await loadExporter(name, options) });
  return loaded;
}

async function loadExporter(name: string, { env, folder }: LoadOptions): Promise<Exporter> {
  const module = (await import(pathToFileURL(locate(name, folder)).href)) as Record<string, unknown>;
  const fromEnv = module.exporterFromEnv;
  if (typeof fromEnv !== "function") throw refuse(name, "it has no function exporterFromEnv");
  return (fromEnv as (env: LoadOptions["env"]) => Exporter)(env);
}

/** The file to import. */
function locate(name: string, folder: string): string {
  if (name.startsWith(".") || isAbsolute(name)) return resolve(folder, name);
  const packageName = /^[a-z0-9-]+$/.test(name) ? `@spanloom/exporter-${name}` : name;
  for (const from of [import.meta.filename, join(folder, "package.json")]) {
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
