import { readFileSync } from "node:fs";
import path from "node:path";
import { workspaceManifests } from "../bootstrap/fingerprint.mjs";

/** The parts of a package.json that the checks read. */
export interface Manifest {
  name?: string;
  version?: string;
  private?: boolean;
  description?: string;
  type?: string;
  license?: string;
  engines?: Record<string, string>;
  exports?: Record<string, unknown>;
  bin?: Record<string, string>;
  files?: string[];
  scripts?: Record<string, string>;
  publishConfig?: { access?: string; exports?: Record<string, unknown>; bin?: Record<string, string> };
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** A package of the workspace. */
export interface WorkspacePackage {
  /** Folder relative to the root. */
  folder: string;
  name: string;
  manifest: Manifest;
}

/** A package.json. */
export function readManifest(root: string, file: string): Manifest {
  return JSON.parse(readFileSync(path.join(root, file), "utf8")) as Manifest;
}

/** Packages of the workspace, by folder. */
export function listPackages(root: string): WorkspacePackage[] {
  return workspaceManifests(root).map((file) => {
    const manifest = readManifest(root, file);
    const folder = path.posix.dirname(file);
    if (!manifest.name) throw new Error(`cannot read the workspace: ${file} has no name`);
    return { folder, name: manifest.name, manifest };
  });
}

/** Name of the npm package that a specifier belongs to; undefined for relative ones and Node's own modules. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith(".") || specifier.startsWith("/") || specifier.startsWith("node:")) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
