import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Check } from "./check.ts";
import { listPackages } from "./workspace.ts";

/**
 * Every published version is explained: by a changeset still to be released, or by the package's changelog.
 *
 * It asks for the record of the current version rather than for one of the current branch, so that it gives the
 * same answer in a clone without history.
 */
export const changesetsCheck: Check = {
  name: "changesets",
  promise: "every published package has a changeset, or a changelog entry for its version",
  async run(root) {
    const folder = path.join(root, ".changeset");
    if (!existsSync(path.join(folder, "config.json"))) return [".changeset/config.json is missing"];
    const packages = listPackages(root);
    const pending = readdirSync(folder)
      .filter((file) => file.endsWith(".md") && file !== "README.md")
      .map((file) => ({ file, names: namesIn(readFileSync(path.join(folder, file), "utf8")) }));
    const known = new Set(packages.map(({ name }) => name));
    const announced = new Set(pending.flatMap(({ names }) => names));
    return [
      ...pending.filter(({ names }) => names.length === 0).map(({ file }) => `.changeset/${file} names no package`),
      ...[...announced]
        .filter((name) => !known.has(name))
        .map((name) => `a changeset names "${name}", which is not here`),
      ...packages
        .filter(({ manifest, name }) => !manifest.private && !announced.has(name))
        .filter(({ folder: at, manifest }) => !hasEntry(path.join(root, at, "CHANGELOG.md"), manifest.version ?? ""))
        .map(({ name, manifest }) => `${name} ${manifest.version} has neither a changeset nor a changelog entry`),
    ];
  },
};

function namesIn(text: string): string[] {
  const front = /^---\n([\s\S]*?)\n---/.exec(text)?.[1] ?? "";
  return [...front.matchAll(/^["']?([^"':\n]+(?:\/[^"':\n]+)?)["']?\s*:/gm)].map((match) => match[1]!);
}

function hasEntry(file: string, version: string): boolean {
  return existsSync(file) && readFileSync(file, "utf8").split("\n").includes(`## ${version}`);
}
