/** Formats everything and applies safe fixes: `npm run format`. */
import path from "node:path";
import { run } from "./bootstrap/run.mjs";
import { toolEnvironment } from "./check/command.ts";

const options = { cwd: path.dirname(import.meta.dirname), env: toolEnvironment() };
const biome = await run("biome", ["check", "--write", "."], options);
const buf = await run("buf", ["format", "--write", "proto"], options);
process.exitCode = biome || buf;
