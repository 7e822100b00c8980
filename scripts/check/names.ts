import path from "node:path";
import type { Check } from "./check.ts";
import { parseModule } from "./parse-module.ts";
import { isSource, listFiles } from "./source-files.ts";

const banned = new Set(["utils", "util", "helpers", "helper", "types", "common", "misc"]);
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Holds file names and export forms to the house style. */
export const namesCheck: Check = {
  name: "names",
  promise: "files have telling kebab-case names; no default exports, no `export *` but of generated code",
  async run(root) {
    return listFiles(root)
      .filter(isSource)
      .flatMap((file) => [...nameProblems(file), ...exportProblems(root, file)]);
  },
};

function nameProblems(file: string): string[] {
  const stem = path.posix.basename(file).replace(/(\.(test|test-d|config|bench|sql))?\.[cm]?[jt]sx?$/, "");
  const parts = [...path.posix.dirname(file).split("/"), stem].filter((part) => part !== ".");
  return parts.flatMap((part) => {
    if (banned.has(part)) return [`${file}: "${part}" says nothing; name it for what it holds`];
    return kebab.test(part) || part.startsWith(".") ? [] : [`${file}: "${part}" is not kebab-case`];
  });
}

function exportProblems(root: string, file: string): string[] {
  const { defaultExports, starExports } = parseModule(root, file);
  const defaults = file.endsWith(".config.ts") ? [] : defaultExports;
  return [
    ...defaults.map((line) => `${file}:${line} has a default export`),
    ...starExports
      .filter(({ specifier }) => !specifier.startsWith("./gen/"))
      .map(({ specifier, line }) => `${file}:${line} exports everything of "${specifier}"; name what it exports`),
  ];
}
