import path from "node:path";
import { capture } from "../bootstrap/run.mjs";

/**
 * Runs a program of node_modules/.bin, or of PATH, in `root`; what it printed is the problem when it fails.
 *
 * Shape: one problem for each printed line; none when the exit code is 0.
 */
export async function problemsOf(root: string, program: string, args: string[]): Promise<string[]> {
  const { code, output } = await capture(program, args, { cwd: root, env: toolEnvironment() });
  if (code === 0) return [];
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return [...lines, `${program} ${args.join(" ")}: exit code ${code}`];
}

/** The environment tools run in: this repository's programs first on PATH, no colours, no reports home. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  const bin = path.resolve(import.meta.dirname, "..", "..", "node_modules", ".bin");
  const { FORCE_COLOR: _, ...inherited } = process.env;
  return {
    ...inherited,
    PATH: `${bin}${path.delimiter}${process.env.PATH ?? ""}`,
    NO_COLOR: "1",
    TURBO_TELEMETRY_DISABLED: "1",
    DO_NOT_TRACK: "1",
  };
}
