import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findGo, findPython, pythonProgram } from "@spanloom/toolchains";
import { run } from "../bootstrap/run.mjs";
import { goVariables } from "./go.ts";
import { ensureEnvironment, environment } from "./python.ts";
import { runSteps, type Step, type Subject } from "./subject.ts";

const root = path.resolve(import.meta.dirname, "..", "..");
const pythonFolder = path.join(root, "clients", "python");
const goFolder = path.join(root, "clients", "go");

/** The runners in Python and Go against the suites for runners; TypeScript's is among what `npm test` runs. */
export const conformance: Subject = {
  name: "conformance",
  about: "the runners in Python and Go against the suites of conformance",
  optionsOf: "spanloom-conformance",
  async test(options) {
    const folder = mkdtempSync(path.join(tmpdir(), "conformance-"));
    try {
      const [python, go] = [await pythonSteps(options), goSteps(options, folder)];
      const skipped = [python, go].filter((steps) => typeof steps === "string");
      const steps = [python, go].filter((steps) => typeof steps !== "string").flat();
      if (steps.length === 0) return { state: "skipped", detail: skipped.join("; ") };
      // Python finds its tasks from there.
      const there = { cwd: pythonFolder, env: goVariables("go") };
      const outcome = await runSteps(steps, (program, args) => run(program, args, there));
      const without = skipped.length === 0 ? "" : `; without the other, ${skipped.join("; ")}`;
      return { ...outcome, detail: outcome.detail + without };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

/** Why there is no runner in Python, or the steps that test it, with either pool. */
async function pythonSteps(options: readonly string[]): Promise<string | Step[]> {
  const python = findPython(process.env);
  if ("missing" in python) return python.missing;
  await ensureEnvironment(python);
  const program = pythonProgram(environment, "python");
  return (["threads", "processes"] as const).map((pool) =>
    suites(`Python's runner, ${pool}`, "python", options, [program, "-m", "tests.conformance_program", pool]),
  );
}

function goSteps(options: readonly string[], folder: string): string | Step[] {
  const go = findGo(process.env, goFolder);
  if ("missing" in go) return go.missing;
  // Signals must reach the runner itself, which `go run` would keep from it.
  const program = path.join(folder, "runner");
  return [
    ["build of Go's runner", go.program, "build", "-C", goFolder, "-o", program, "./internal/conformance"],
    suites("Go's runner", "go", options, [program]),
  ];
}

function suites(name: string, runner: string, options: readonly string[], command: readonly string[]): Step {
  const program = path.join(root, "conformance", "src", "bin", "spanloom-conformance.ts");
  const known = path.join(root, "conformance", "known-failures", `runner-${runner}.yaml`);
  return [name, process.execPath, program, "runner", "--known-failures", known, ...options, "--", ...command];
}
