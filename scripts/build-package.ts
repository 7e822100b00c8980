/**
 * Builds the package in the current folder: `src` to `dist`, as `npm run build` does for all of them in order.
 *
 * The compiler strips types, rewrites `.ts` imports and writes declarations; whatever else lies in `src` (SQL,
 * for one) is copied beside the code that reads it.
 */
import { cpSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { run } from "./bootstrap/run.mjs";
import { toolEnvironment } from "./check/command.ts";

const folder = process.cwd();
const dist = path.join(folder, "dist");
rmSync(dist, { recursive: true, force: true });

const code = await run("tsc", ["-p", "tsconfig.build.json"], { cwd: folder, env: toolEnvironment() });
if (code === 0) copyAssets(path.join(folder, "src"));
process.exitCode = code;

function copyAssets(source: string): void {
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const inside = path.relative(source, file);
    if (!entry.isFile() || entry.name.endsWith(".ts") || inside.split(path.sep).includes("testdata")) continue;
    cpSync(file, path.join(dist, inside));
  }
}
