import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Environment,
  ensurePythonEnvironment,
  type Found,
  findGo,
  findPython,
  pythonProgram,
} from "@spanloom/toolchains";
import { auditRunner } from "../audit-runners.ts";
import { UsageError } from "../options.ts";
import type { RunnerCommand } from "../runner-process.ts";

/** Which of the runners is Python's, which has the most to do. */
export const PYTHON_RUNNER = 1;

/** What the languages beside TypeScript need. */
export interface PolyglotToolchains {
  python: Found;
  go: Found;
}

/** Where progress goes, and what ends the set-up early. */
export interface SetUpIo {
  write: (text: string) => void;
  signal?: AbortSignal;
}

const repository = resolve(import.meta.dirname, "..", "..", "..", "..");
const pythonFolder = resolve(import.meta.dirname, "..", "..", "polyglot", "python");
const goFolder = resolve(import.meta.dirname, "..", "..", "polyglot", "go");
const environment = join(pythonFolder, ".venv");
const goRunner = join(goFolder, "bin", process.platform === "win32" ? "audit-runner.exe" : "audit-runner");

/**
 * Finds Python and Go.
 *
 * Errors: UsageError naming each that is missing, and how to get it.
 */
export function findToolchains(env: Environment): PolyglotToolchains {
  const python = findPython(env);
  const go = findGo(env, goFolder);
  if ("program" in python && "program" in go) return { python, go };
  const missing = [python, go].flatMap((toolchain) => ("missing" in toolchain ? [toolchain.missing] : []));
  throw new UsageError(`cannot use --polyglot: ${missing.join("; and ")}`);
}

/**
 * Makes the Python environment, once, and builds the Go runner, which costs little when nothing has changed.
 *
 * Shape: the commands of three runners, one in each language, for the server at a URL.
 * Errors: what pip or Go said; the signal's reason.
 */
export async function setUpPolyglot(
  { python, go }: PolyglotToolchains,
  io: SetUpIo,
): Promise<(url: string) => RunnerCommand[]> {
  await ensurePythonEnvironment({
    python,
    folder: environment,
    project: join(repository, "clients", "python"),
    run: (program, args) => runQuietly(program, args, pythonFolder, io),
    onMake: () => io.write(`Python ${python.version}: making its environment, once\n`),
  });
  io.write(`Python ${python.version} is ready; Go ${go.version} builds its runner\n`);
  const code = await runQuietly(go.program, ["build", "-o", goRunner, "."], goFolder, io);
  if (code !== 0) throw new Error(`cannot build ${goFolder}: go ended with exit code ${code}`);
  return (url) => [typescriptRunner(url), pythonRunner(url), goRunnerFor(url)];
}

function typescriptRunner(url: string): RunnerCommand {
  const tasks = fileURLToPath(new URL("tasks.ts", import.meta.url));
  return auditRunner(url, { concurrency: 2, tasks, serviceName: "audit-lister" });
}

/** Hashing is work for processors: a process for each. */
function pythonRunner(url: string): RunnerCommand {
  const processes = String(availableParallelism());
  const flags = ["--pool", "processes", "--concurrency", processes, "--service-name", "audit-hasher"];
  return {
    program: pythonProgram(environment, "python"),
    args: ["-m", "spanloom.runner", "dependency_audit.tasks", "--url", url, ...flags],
    cwd: pythonFolder,
  };
}

function goRunnerFor(url: string): RunnerCommand {
  return { program: goRunner, args: ["--url", url, "--service-name", "audit-merger"], cwd: dirname(goRunner) };
}

/** Runs a program and shows what it printed only when it failed; gives its exit code. */
function runQuietly(program: string, args: string[], cwd: string, { write, signal }: SetUpIo): Promise<number> {
  const { promise, resolve: end, reject } = Promise.withResolvers<number>();
  const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"], ...(signal && { signal }) });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  child.once("error", reject);
  child.once("close", (code) => {
    if (code !== 0) write(output);
    end(code ?? 1);
  });
  return promise;
}
