/** Builds every published package into its `dist`, dependencies first: `npm run build [-- turbo options]`. */
import path from "node:path";
import { run } from "./bootstrap/run.mjs";
import { toolEnvironment } from "./check/command.ts";

const root = path.dirname(import.meta.dirname);
const args = ["run", "build", "--output-logs=errors-only", ...process.argv.slice(2)];
process.exitCode = await run("turbo", args, { cwd: root, env: toolEnvironment() });
