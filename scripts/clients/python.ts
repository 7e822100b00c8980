import path from "node:path";
import { ensurePythonEnvironment, type Found, findPython, pathWith, pythonProgram } from "@spanloom/toolchains";
import { run } from "../bootstrap/run.mjs";
import { runSteps, type Step, type Subject } from "./subject.ts";

const root = path.resolve(import.meta.dirname, "..", "..");
const folder = path.join(root, "clients", "python");
/** The environment of the client's tests, which has the linters too. */
export const environment = path.join(folder, ".venv");

/** The Python client: linter, types and tests, in an environment of its own, which the first run makes. */
export const python: Subject = {
  name: "python",
  about: "clients/python: ruff, mypy and pytest, in clients/python/.venv",
  optionsOf: "pytest",
  async test(options) {
    const found = findPython(process.env);
    if ("missing" in found) return { state: "skipped", detail: found.missing };
    process.stdout.write(`python: ${found.program} ${found.version}\n`);
    await ensureEnvironment(found);
    const program = (name: string) => pythonProgram(environment, name);
    const pytest: Step = ["pytest", program("pytest"), "-q", ...options];
    if (options.length > 0) return runSteps([pytest], runThere);
    const linters: Step[] = [
      ["ruff", program("ruff"), "check", "."],
      ["ruff format", program("ruff"), "format", "--check", "."],
      ["mypy", program("mypy")],
    ];
    return runSteps([...linters, pytest], runThere);
  },
};

/** Makes the environment of the client's tests, unless it is there. Errors: when it cannot be made. */
export function ensureEnvironment(found: Found): Promise<void> {
  const onMake = () => void process.stdout.write(`python: making ${path.relative(root, environment)}\n`);
  return ensurePythonEnvironment({
    python: found,
    folder: environment,
    project: folder,
    extra: "dev",
    run: runThere,
    onMake,
  });
}

function runThere(program: string, args: string[]): Promise<number> {
  return run(program, args, { cwd: folder, env: pythonVariables() });
}

/** The environment's programs first, then those that came with npm install. */
function pythonVariables(): NodeJS.ProcessEnv {
  const folders = [path.dirname(pythonProgram(environment, "python")), path.join(root, "node_modules", ".bin")];
  return { ...process.env, PATH: pathWith(process.env, ...folders) };
}
