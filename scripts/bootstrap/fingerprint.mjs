import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/**
 * A hash over everything that decides what is installed: lockfile, workspace file, every manifest, the platform.
 *
 * @param {string} root
 * @returns {string}
 */
export function installFingerprint(root) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  const files = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...workspaceManifests(root)];
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(path.join(root, file)));
  return hash.digest("hex");
}

/**
 * Manifests of the workspace's packages, relative to the root, sorted.
 *
 * Reads the `packages:` list itself, as no YAML parser is installed yet: entries are `folder` or `folder/*`.
 *
 * @param {string} root
 * @returns {string[]}
 */
export function workspaceManifests(root) {
  const text = readFileSync(path.join(root, "pnpm-workspace.yaml"), "utf8");
  const list = /^packages:\n((?:[ ]*-[^\n]*\n)+)/m.exec(text)?.[1] ?? "";
  const patterns = [...list.matchAll(/-\s*["']?([^"'\s]+)["']?/g)].map((match) => /** @type {string} */ (match[1]));
  return patterns
    .flatMap((pattern) => (pattern.endsWith("/*") ? subfolders(root, pattern.slice(0, -2)) : [pattern]))
    .map((folder) => `${folder}/package.json`)
    .filter((file) => existsSync(path.join(root, file)))
    .sort();
}

/**
 * @param {string} root
 * @param {string} folder
 */
function subfolders(root, folder) {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
    .map((entry) => `${folder}/${entry.name}`);
}
