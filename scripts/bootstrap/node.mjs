import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import path from "node:path";

/** The oldest Node the set-up runs on; everything after it runs on the Node that the set-up installs. */
const oldestHostMajor = 20;

/**
 * What is wrong with the Node that runs the set-up; undefined when nothing is.
 *
 * @param {string} version as in `process.versions.node`
 * @returns {string | undefined}
 */
export function hostNodeProblem(version) {
  if (Number(version.split(".")[0]) >= oldestHostMajor) return undefined;
  return `cannot set up: this is Node ${version}, and the set-up needs Node ${oldestHostMajor} or newer`;
}

/**
 * Path of the Node that the root's devDependency `node` installed.
 *
 * @param {string} root
 * @returns {string}
 */
export function installedNode(root) {
  const name = process.platform === "win32" ? "node.exe" : "node";
  return realpathSync(path.join(root, "node_modules", "node", "bin", name));
}

/**
 * Whether the installed Node is there, starts, and has the wanted version.
 *
 * The package `node` fetches its binary in an install script of its own; when that was forbidden or failed,
 * the package is there and the binary is not.
 *
 * @param {string} root
 * @param {string} wanted exact version, as pinned in package.json
 * @returns {boolean}
 */
export function installedNodeWorks(root, wanted) {
  try {
    const { stdout } = spawnSync(installedNode(root), ["--version"], { encoding: "utf8" });
    return stdout.trim() === `v${wanted}`;
  } catch {
    // Not installed, or only the package without its binary: the caller installs.
    return false;
  }
}
