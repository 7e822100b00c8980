import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Found } from "./toolchain.ts";

/** An environment of Python's, and what is to be in it. */
export interface PythonEnvironmentOptions {
  python: Found;
  /** Folder of the environment. */
  folder: string;
  /** Folder of the project that is installed into it, editable. */
  project: string;
  /** Extras of the project, e.g. `dev`. */
  extra?: string;
  /** Runs a program and gives its exit code. */
  run: (program: string, args: string[]) => Promise<number>;
  /** Called before anything is made. */
  onMake?: () => void;
}

/**
 * Makes the environment, unless it has what is asked for.
 *
 * What is asked for changes with the project's `pyproject.toml`, its `constraints.txt`, and the version of Python.
 *
 * Errors: when a command fails. An environment that is made in part counts as none.
 */
export async function ensurePythonEnvironment(options: PythonEnvironmentOptions): Promise<void> {
  const { python, folder, project, extra, run, onMake } = options;
  const constraints = path.join(project, "constraints.txt");
  const wanted = createHash("sha256").update(`${python.version}\n${extra}\n`);
  for (const file of [path.join(project, "pyproject.toml"), constraints]) wanted.update(readFileSync(file));
  const digest = wanted.digest("hex");
  const stamp = path.join(folder, "spanloom-stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  onMake?.();
  rmSync(folder, { recursive: true, force: true });
  const requirement = extra ? `${project}[${extra}]` : project;
  const install = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "-c",
    constraints,
    "-e",
    requirement,
  ];
  for (const [program, args] of [
    [python.program, ["-m", "venv", folder]],
    [pythonProgram(folder, "python"), install],
  ] as const) {
    const code = await run(program, [...args]);
    if (code !== 0) throw new Error(`cannot make ${folder}: ${path.basename(program)} ended with exit code ${code}`);
  }
  writeFileSync(stamp, digest);
}

/** The path of a program that an environment has, e.g. `pytest`. */
export function pythonProgram(folder: string, name: string): string {
  return path.join(folder, process.platform === "win32" ? "Scripts" : "bin", name);
}
