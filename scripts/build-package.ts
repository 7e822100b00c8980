/**
 * Builds the package in the current folder: `src` to `dist`, as `npm run build` does for all of them in order.
 *
 * The compiler strips types, rewrites `.ts` imports and writes declarations; whatever else lies in `src` (SQL,
 * for one) is copied beside the code that reads it. What has a `vite.config.ts` is an application: Vite bundles it.
 */
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { run } from "./bootstrap/run.mjs";
import { toolEnvironment } from "./check/command.ts";

const folder = process.cwd();
const dist = path.join(folder, "dist");
rmSync(dist, { recursive: true, force: true });

const options = { cwd: folder, env: toolEnvironment() };
const code = await run("tsc", ["-p", "tsconfig.build.json"], options);
const isApplication = existsSync(path.join(folder, "vite.config.ts"));
if (code === 0 && !isApplication) copyAssets(path.join(folder, "src"));
process.exitCode =
  code === 0 && isApplication
    ? await run(path.join(folder, "node_modules/.bin/vite"), ["build", "--logLevel", "warn"], options)
    : code;

function copyAssets(source: string): void {
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const inside = path.relative(source, file);
    if (!entry.isFile() || entry.name.endsWith(".ts") || inside.split(path.sep).includes("testdata")) continue;
    cpSync(file, path.join(dist, inside));
  }
}
