import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

const skipped = new Set([
  "node_modules",
  "dist",
  ".git",
  ".turbo",
  ".spanloom",
  ".bench",
  ".venv",
  "__pycache__",
  "demo-out",
  "coverage",
]);

/**
 * Files of the tree, relative to `root`, with forward slashes, sorted.
 *
 * In a git work tree: those tracked, and those that would be. Elsewhere: all but what is built or installed.
 */
export function listFiles(root: string): string[] {
  const files = (existsSync(path.join(root, ".git")) && gitFiles(root)) || walk(root, "");
  return files.filter((file) => !file.split("/").some((part) => skipped.has(part))).sort();
}

/** Files as git knows them; undefined on a machine without git. */
function gitFiles(root: string): string[] | undefined {
  if (spawnSync("git", ["--version"]).error) return undefined;
  const list = (...args: string[]) =>
    execFileSync("git", ["ls-files", "-z", ...args], { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 })
      .split("\0")
      .filter((file) => file !== "");
  const deleted = new Set(list("--deleted"));
  return [...new Set(list("--cached", "--others", "--exclude-standard"))].filter((file) => !deleted.has(file));
}

function walk(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [file];
    return skipped.has(entry.name) ? [] : walk(root, file);
  });
}

/** Whether a file is a module that a person wrote. */
export function isSource(file: string): boolean {
  return /\.(ts|tsx|mts|js|mjs)$/.test(file) && !isGenerated(file) && !file.split("/").includes("testdata");
}

/** Whether a file is made by `npm run generate`. */
export function isGenerated(file: string): boolean {
  return file.includes("/src/gen/");
}

/** Whether a module only runs in tests. */
export function isTest(file: string): boolean {
  return /\.(test|test-d|bench)\.[cm]?[jt]sx?$/.test(file) || /^packages\/testing\/|\/testing\//.test(file);
}
