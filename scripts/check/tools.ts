import { existsSync } from "node:fs";
import path from "node:path";
import type { Check } from "./check.ts";
import { problemsOf } from "./command.ts";
import { listPackages } from "./workspace.ts";

/** Formatting and lint rules. */
export const formatCheck: Check = {
  name: "format",
  promise: "biome finds nothing to format or to fix",
  run: (root) => problemsOf(root, "biome", ["ci", "--colors=off", "--error-on-warnings", "--max-diagnostics=20", "."]),
};

/** The type check of each package, of the scripts, and of the type tests. */
export const typesCheck: Check = {
  name: "types",
  promise: "every package, its tests and the scripts type-check",
  async run(root) {
    const folders = [...listPackages(root).map(({ folder }) => folder), "scripts"];
    const missing = folders.filter((folder) => !existsSync(path.join(root, folder, "tsconfig.json")));
    const problems = missing.map((folder) => `${folder} has no tsconfig.json`);
    for (const folder of folders.filter((name) => !missing.includes(name))) {
      problems.push(...(await problemsOf(root, "tsc", ["--pretty", "false", "-p", folder])));
    }
    return problems;
  },
};

/** Files, exports and dependencies that nothing uses. */
export const deadCodeCheck: Check = {
  name: "dead-code",
  promise: "knip finds no unused file, export or dependency",
  run: (root) => problemsOf(root, "knip", ["--no-progress", "--no-config-hints"]),
};
