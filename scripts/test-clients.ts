/**
 * Runs the tests of the clients in other languages: `npm run test:clients [-- options of pytest]`. `npm test` needs none.
 *
 * Python: linter, types and tests, in an environment of its own in `clients/python/.venv`, which the first run makes. Where
 * there is no Python it says so, and ends with 0: nothing was found to be wrong.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "./bootstrap/run.mjs";

const root = path.dirname(import.meta.dirname);
const folder = path.join(root, "clients", "python");
const environment = path.join(folder, ".venv");
const bin = path.join(environment, process.platform === "win32" ? "Scripts" : "bin");

process.exitCode = await testPython(process.argv.slice(2));

async function testPython(options: readonly string[]): Promise<number> {
  const python = findPython(process.env);
  if (python === undefined) {
    const how = "install one (apt-get install python3 python3-venv), or name its program in SPANLOOM_PYTHON";
    process.stdout.write(`python: skipped, there is no Python 3.10 or newer on PATH: ${how}\n`);
    return 0;
  }
  process.stdout.write(`python: ${python}\n`);
  const installed = await ensureEnvironment(python);
  if (installed !== 0) {
    process.stderr.write("cannot test the Python client: its environment cannot be made, see above\n");
    return installed;
  }
  const steps = [
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["pytest", "-q", ...options],
  ] as const;
  for (const [program, ...args] of steps) {
    const code = await run(path.join(bin, program), args, { cwd: folder, env: environmentVariables() });
    if (code === 0) continue;
    process.stderr.write(`cannot pass the Python client: ${program} failed with exit code ${code}\n`);
    return code;
  }
  return 0;
}

/** The first Python that is new enough. */
function findPython({ SPANLOOM_PYTHON: named }: NodeJS.ProcessEnv): string | undefined {
  const question = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
  return [...(named ? [named] : ["python3", "python"])].find((program) => {
    return spawnSync(program, ["-c", question], { stdio: "ignore" }).status === 0;
  });
}

/** Makes the environment, unless it has what is asked for; gives the exit code of what failed, or 0. */
async function ensureEnvironment(python: string): Promise<number> {
  const stamp = path.join(environment, "spanloom-stamp");
  const wanted = createHash("sha256");
  for (const file of ["pyproject.toml", "constraints.txt"]) wanted.update(readFileSync(path.join(folder, file)));
  const digest = wanted.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return 0;
  rmSync(environment, { recursive: true, force: true });
  const install = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "-c",
    "constraints.txt",
    "-e",
    ".[dev]",
  ];
  for (const [program, args] of [
    [python, ["-m", "venv", environment]],
    [path.join(bin, "python"), install],
  ] as const) {
    const code = await run(program, [...args], { cwd: folder, env: environmentVariables() });
    if (code !== 0) return code;
  }
  writeFileSync(stamp, digest);
  return 0;
}

/** Tools of the environment first, then those that came with npm install. */
function environmentVariables(): NodeJS.ProcessEnv {
  const folders = [bin, path.join(root, "node_modules", ".bin"), process.env.PATH ?? ""];
  return { ...process.env, PATH: folders.join(path.delimiter) };
}
