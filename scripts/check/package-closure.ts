import { existsSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import type { Manifest } from "./workspace.ts";

/**
 * Names of everything that installing one package brings along, itself not among them.
 *
 * It follows what manifests ask for through an installed project, optional peers aside, so that one install of many
 * packages tells what each would bring alone.
 */
export function closureOf(project: string, name: string): Set<string> {
  const names = new Set<string>();
  const seen = new Set<string>();
  const waiting = [folderOf(project, name)];
  for (let folder = waiting.pop(); folder; folder = waiting.pop()) {
    if (seen.has(folder)) continue;
    seen.add(folder);
    for (const dependency of dependenciesOf(folder)) {
      names.add(dependency);
      waiting.push(folderOf(folder, dependency));
    }
  }
  return names;
}

function dependenciesOf(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  return [...Object.keys(dependencies), ...peers];
}

/** The folder that Node would find a package in, from another. */
function folderOf(from: string, name: string): string {
  for (let folder = realpathSync(from); ; folder = path.dirname(folder)) {
    const found = path.join(folder, "node_modules", name);
    if (existsSync(found)) return realpathSync(found);
    if (path.dirname(folder) === folder) throw new Error(`cannot find package "${name}" from ${from}`);
  }
}
