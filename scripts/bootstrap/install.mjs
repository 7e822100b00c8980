import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { explainInstallFailure } from "./failure.mjs";
import { installFingerprint } from "./fingerprint.mjs";
import { installedNodeWorks } from "./node.mjs";
import { capture } from "./run.mjs";

/**
 * Makes sure that what the lockfile names is installed, with a working Node of the pinned version.
 *
 * The pins stand in one place, the root package.json: `devDependencies.pnpm` and `devDependencies.node`.
 * A stamp in node_modules holds the fingerprint of the last complete install; while it matches, nothing is run.
 *
 * @param {string} root folder of the workspace
 * @param {(line: string) => void} log
 * @returns {Promise<"up to date" | "installed">}
 */
export async function ensureInstalled(root, log) {
  const pins = readPins(root);
  const stamp = path.join(root, "node_modules", ".spanloom-install");
  const wanted = installFingerprint(root);
  if (readText(stamp) === wanted && installedNodeWorks(root, pins.node)) return "up to date";

  log(`installing dependencies with pnpm ${pins.pnpm}; the first time this takes a minute or two`);
  const { code, output } = await capture("npx", ["--yes", `pnpm@${pins.pnpm}`, ...installArguments], {
    cwd: root,
    env: installEnvironment(),
    onLine: log,
  });
  if (code !== 0) throw new Error(explainInstallFailure(output, code));
  if (!installedNodeWorks(root, pins.node)) {
    throw new Error(
      `cannot set up: the npm package node@${pins.node} was installed, but its program does not start here ` +
        `(${process.platform} ${process.arch}); remove node_modules and try again`,
    );
  }
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
  log(`ready, on Node ${pins.node}`);
  return "installed";
}

const installArguments = ["install", "--frozen-lockfile", "--reporter=append-only"];

/** Without a terminal pnpm asks before it replaces a node_modules folder, unless it runs in CI. */
function installEnvironment() {
  return { ...process.env, CI: process.env.CI || "true" };
}

/**
 * @param {string} root
 * @returns {{ pnpm: string, node: string }}
 */
function readPins(root) {
  const { devDependencies = {} } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const { pnpm, node } = devDependencies;
  for (const [name, version] of Object.entries({ pnpm, node })) {
    if (/^\d+\.\d+\.\d+$/.test(version ?? "")) continue;
    throw new Error(`cannot set up: devDependencies.${name} in package.json is "${version}", not an exact version`);
  }
  return { pnpm, node };
}

/** @param {string} file */
function readText(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // No stamp: nothing was installed yet.
    return undefined;
  }
}
