import { builtinModules } from "node:module";
import path from "node:path";
import type { Check } from "./check.ts";
import { type Layer, layers, serverLayers } from "./layer-table.ts";
import { type ModuleImport, parseModule } from "./parse-module.ts";
import { isSource, isTest, listFiles } from "./source-files.ts";
import { listPackages, packageOf, readManifest, type WorkspacePackage } from "./workspace.ts";

/** Holds imports to the layer table. */
export const layersCheck: Check = {
  name: "layers",
  promise: "packages and folders import only what the layer table allows",
  async run(root) {
    const packages = listPackages(root);
    const workspace = new Set(packages.map(({ name }) => name));
    const tools = new Set(Object.keys(readManifest(root, "package.json").devDependencies ?? {}));
    const files = listFiles(root).filter(isSource);
    return packages.flatMap((pack) => {
      const layer = layerOf(pack.folder);
      if (!layer) return [`${pack.folder}: has no entry in scripts/check/layer-table.ts`];
      return files
        .filter((file) => file.startsWith(`${pack.folder}/`))
        .flatMap((file) =>
          parseModule(root, file).imports.flatMap((imported) => {
            const problem = importProblem({ file, imported, pack, layer, workspace, tools });
            return problem === undefined ? [] : [`${file}:${imported.line} ${problem}`];
          }),
        );
    });
  },
};

/** The table's entry for a folder: its own, or the one of its parent's `/*`. */
export function layerOf(folder: string): Layer | undefined {
  const parent = `${path.posix.dirname(folder)}/*`;
  return layers.find((layer) => layer.folder === folder) ?? layers.find((layer) => layer.folder === parent);
}

interface Use {
  file: string;
  imported: ModuleImport;
  pack: WorkspacePackage;
  layer: Layer;
  workspace: ReadonlySet<string>;
  /** What the root installs for every package's tests. */
  tools: ReadonlySet<string>;
}

function importProblem(use: Use): string | undefined {
  const { specifier } = use.imported;
  if (specifier.startsWith(".")) return relativeProblem(use);
  const name = packageOf(specifier);
  if (name === undefined) return undefined;
  if (builtinModules.includes(name)) return `imports "${specifier}"; write "node:${specifier}"`;
  if (name === use.pack.name) return ownProblem(use);
  const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = use.pack.manifest;
  const test = isTest(use.file) || isTooling(use);
  const bundled = use.layer.bundled === true;
  const declared = name in dependencies || name in peerDependencies;
  if (bundled && name in dependencies)
    return `lists "${name}" in dependencies; what is bundled belongs in devDependencies`;
  if (use.workspace.has(name) && !test) return workspaceProblem(use, name);
  if (declared || (bundled && name in devDependencies) || (test && (name in devDependencies || use.tools.has(name))))
    return undefined;
  if (use.imported.kind === "type" && name in devDependencies && use.pack.manifest.private) return undefined;
  return `imports "${name}", which ${use.pack.folder}/package.json does not list in ${test || bundled ? "devDependencies" : "dependencies"}`;
}

/** A package may name itself only where a condition of an entry decides which file that is. */
function ownProblem({ imported, pack }: Use): string | undefined {
  const entry = pack.manifest.exports?.[`.${imported.specifier.slice(pack.name.length)}`];
  return typeof entry === "object" ? undefined : `imports its own package by name; use a relative path`;
}

/** Configuration and scripts at the top of a package, outside of what it publishes. */
function isTooling({ file, pack }: Use): boolean {
  return !file.startsWith(`${pack.folder}/src/`);
}

function workspaceProblem({ imported, layer, pack }: Use, name: string): string | undefined {
  const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = pack.manifest;
  if (layer.imports.includes(name)) {
    const field = layer.bundled ? "devDependencies" : "dependencies";
    return name in (pack.manifest[field] ?? {}) ? undefined : `imports "${name}", which is not in its ${field}`;
  }
  if (!layer.dynamicImports?.includes(name)) return `imports "${name}", which the layer table does not allow`;
  if (imported.kind === "static") return `imports "${name}", which the layer table allows only with import()`;
  if (name in dependencies) return `lists "${name}" in dependencies; an optional part belongs in peerDependencies`;
  return name in devDependencies || name in peerDependencies ? undefined : `imports "${name}" without declaring it`;
}

function relativeProblem({ file, imported, pack }: Use): string | undefined {
  const target = path.posix.join(path.posix.dirname(file), imported.specifier);
  if (!target.startsWith(`${pack.folder}/`)) return `imports "${imported.specifier}", which is outside of its package`;
  const server = "packages/server/src/";
  if (!file.startsWith(server) || isTest(file)) return undefined;
  const layer = serverLayerOf(file.slice(server.length));
  if (layer === undefined) return undefined;
  const inner = target.slice(server.length);
  const { imports, typeImports = [] } = serverLayers[layer]!;
  const allowed = imported.kind === "type" ? [...imports, ...typeImports] : imports;
  if (allowed.some((entry) => isIn(inner, entry))) return undefined;
  return `is in ${layer}/, which may not import ${inner}`;
}

function isIn(inner: string, entry: string): boolean {
  return inner === entry || inner.startsWith(`${entry}/`) || `${path.posix.dirname(inner)}/*` === entry;
}

function serverLayerOf(file: string): string | undefined {
  return Object.keys(serverLayers).find((layer) => file.startsWith(`${layer}/`));
}
