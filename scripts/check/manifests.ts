import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Check } from "./check.ts";
import { listPackages, type Manifest, type WorkspacePackage } from "./workspace.ts";

/** Holds package.json files to one form, so that every package installs and imports alike. */
export const manifestsCheck: Check = {
  name: "manifests",
  promise: "manifests agree on licence, engines, exports, and what is published",
  async run(root) {
    const rootManifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Manifest;
    return listPackages(root).flatMap((pack) =>
      [...commonProblems(pack, rootManifest), ...(pack.manifest.private ? [] : publishedProblems(root, pack))].map(
        (problem) => `${pack.folder}/package.json: ${problem}`,
      ),
    );
  },
};

function commonProblems({ manifest }: WorkspacePackage, rootManifest: Manifest): string[] {
  return [
    expect("type", manifest.type, "module"),
    expect("license", manifest.license, rootManifest.license),
    expect("engines.node", manifest.engines?.node, ">=24"),
    ...(manifest.description ? [] : ["has no description"]),
  ].filter((problem) => problem !== undefined);
}

function publishedProblems(root: string, { folder, manifest }: WorkspacePackage): string[] {
  const exported = sourcesOf(manifest.exports);
  const sources = [
    ...Object.values(exported).flatMap((files) => Object.values(files)),
    ...Object.values(manifest.bin ?? {}),
  ];
  return [
    expect("publishConfig.access", manifest.publishConfig?.access, "public"),
    expect("publishConfig.exports", manifest.publishConfig?.exports, builtExports(exported)),
    expect("publishConfig.bin", manifest.publishConfig?.bin, manifest.bin && builtBins(manifest.bin)),
    expect("files", manifest.files, ["dist", "README.md"]),
    expect("scripts.build", manifest.scripts?.build, buildCommand(folder)),
    existsSync(path.join(root, folder, "README.md")) ? undefined : "has no README.md beside it",
    ...sources.map((file) => (existsSync(path.join(root, folder, file)) ? undefined : `${file} is missing`)),
  ].filter((problem) => problem !== undefined);
}

/** How a package is built: one script for all. */
function buildCommand(folder: string): string {
  return `node ${path.posix.relative(folder, "scripts/build-package.ts")}`;
}

/** The files of each entry by condition; an entry that is one file has it by default. */
function sourcesOf(exports: Record<string, unknown> = {}): Record<string, Record<string, string>> {
  return Object.fromEntries(
    Object.entries(exports).map(([name, files]) => [
      name,
      typeof files === "string" ? { default: files } : (files as Record<string, string>),
    ]),
  );
}

/** What the entries are once built: their types are those of the default. */
function builtExports(exports: Record<string, Record<string, string>>): Record<string, unknown> {
  const built = (file: string, extension: string) => file.replace("./src/", "./dist/").replace(/\.ts$/, extension);
  return Object.fromEntries(
    Object.entries(exports).map(([name, files]) => [
      name,
      {
        types: built(files.default ?? "", ".d.ts"),
        ...Object.fromEntries(Object.entries(files).map(([condition, file]) => [condition, built(file, ".js")])),
      },
    ]),
  );
}

function builtBins(bins: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(bins).map(([name, file]) => [name, file.replace("./src/", "./dist/").replace(/\.ts$/, ".js")]),
  );
}

function expect(field: string, actual: unknown, wanted: unknown): string | undefined {
  const text = JSON.stringify(actual);
  return text === JSON.stringify(wanted) ? undefined : `${field} is ${text}, not ${JSON.stringify(wanted)}`;
}
