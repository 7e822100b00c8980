import path from "node:path";
import { run } from "../bootstrap/run.mjs";
import type { Outcome } from "./subject.ts";

const root = path.resolve(import.meta.dirname, "..", "..");

/** Runs those test files across languages whose names have a text in them. */
export async function runVitest(filter: string, options: readonly string[]): Promise<Outcome> {
  const config = path.join("scripts", "clients", "vitest.config.ts");
  const program = path.join(root, "node_modules", ".bin", "vitest");
  const code = await run(program, ["run", "--config", config, ...options, filter], { cwd: root, env: process.env });
  if (code === 0) return { state: "passed", detail: "vitest" };
  return { state: "failed", detail: `vitest ended with exit code ${code}` };
}
