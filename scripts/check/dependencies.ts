import type { Check } from "./check.ts";
import { parseModule } from "./parse-module.ts";
import { isGenerated, isSource, isTest, listFiles } from "./source-files.ts";
import { listPackages, packageOf } from "./workspace.ts";

/** Used without an import: types that the compiler reads, and programs. */
const usedWithoutImport = new Set(["@types/node", "typescript"]);

/** Whether a package is imported, or describes one that is. */
function isUsed(name: string, imported: ReadonlySet<string | undefined>): boolean {
  const described = name.startsWith("@types/") ? name.slice("@types/".length) : name;
  return imported.has(described) || usedWithoutImport.has(name);
}

/**
 * Packages of which an application and ours must share one copy, so that it has whichever version the application chose:
 * what was got from OpenTelemetry's API before a provider is registered follows the registration in its own copy only.
 */
const oneCopy: ReadonlySet<string> = new Set(["@opentelemetry/api"]);

/** Holds each manifest to what its package imports. What is imported and not listed, `layers` finds. */
export const dependenciesCheck: Check = {
  name: "dependencies",
  promise: "each package lists what it imports and nothing else, in exact versions",
  async run(root) {
    const files = listFiles(root).filter((file) => isSource(file) || isGenerated(file));
    return listPackages(root).flatMap(({ folder, manifest }) => {
      const mine = files.filter((file) => file.startsWith(`${folder}/`));
      if (mine.length === 0) return [`${folder}: has no sources`];
      const importsOf = (list: string[]) =>
        new Set(list.flatMap((file) => parseModule(root, file).imports.map(({ specifier }) => packageOf(specifier))));
      const inSources = importsOf(mine.filter((file) => !isTest(file) || folder === "packages/testing"));
      const anywhere = importsOf(mine);
      const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = manifest;
      const unused = (list: object, used: Set<string | undefined>, field: string) =>
        Object.keys(list)
          .filter((name) => !isUsed(name, used))
          .map((name) => `${folder}/package.json lists "${name}" in ${field}, and nothing imports it`);
      return [
        ...unused(dependencies, inSources, "dependencies"),
        ...unused(devDependencies, anywhere, "devDependencies"),
        ...Object.entries({ ...dependencies, ...devDependencies, ...peerDependencies })
          .filter(([name]) => !(name in peerDependencies && oneCopy.has(name)))
          .filter(([, version]) => !/^(workspace:\*|(npm:@?[\w/.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?)$/.test(version))
          .map(([name, version]) => `${folder}/package.json asks for "${name}" ${version}; pin one version`),
      ];
    });
  },
};
