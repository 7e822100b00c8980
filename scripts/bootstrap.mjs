#!/usr/bin/env node
/**
 * Runs a script of this repository on a machine that may have nothing but Node 20 and npm.
 *
 *   node scripts/bootstrap.mjs <script> [arguments...]
 *
 * Plain JavaScript without dependencies, as it runs before anything is installed. It
 *
 * 1. refuses a Node that is too old to continue, by name;
 * 2. installs the locked dependencies with the pinned pnpm, unless they are already there;
 * 3. runs the script on the Node 26 that came with them, with node_modules/.bin first on PATH.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled } from "./bootstrap/install.mjs";
import { hostNodeProblem, installedNode } from "./bootstrap/node.mjs";
import { run } from "./bootstrap/run.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [script, ...args] = process.argv.slice(2);

async function main() {
  const problem = hostNodeProblem(process.versions.node);
  if (problem !== undefined) throw new Error(problem);
  if (script === undefined)
    throw new Error("cannot run: name a script, as in `node scripts/bootstrap.mjs scripts/test.ts`");
  await ensureInstalled(root, (line) => process.stderr.write(`setup: ${line}\n`));
  const bin = path.join(root, "node_modules", ".bin");
  const env = { ...process.env, PATH: [bin, process.env.PATH].filter(Boolean).join(path.delimiter) };
  process.exitCode = await run(installedNode(root), [path.join(root, script), ...args], { cwd: root, env });
}

main().catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
