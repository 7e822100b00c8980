import path from "node:path";
import { findGo, findPython, pythonProgram } from "@spanloom/toolchains";
import { run } from "../bootstrap/run.mjs";
import { testGoModule } from "./go.ts";
import { ensureEnvironment, environment } from "./python.ts";
import { runSteps, type Step, type Subject } from "./subject.ts";
import { runVitest } from "./vitest.ts";

const polyglot = path.resolve(import.meta.dirname, "..", "..", "apps", "demo", "polyglot");

/** The demo in three languages: its Python, its Go, and one job that runs in all of them. */
export const demo: Subject = {
  name: "demo",
  about: "apps/demo --polyglot: its Python, its Go, and one job in three languages",
  optionsOf: "vitest",
  async test(options) {
    const folder = path.join(polyglot, "go");
    const [python, go] = [findPython(process.env), findGo(process.env, folder)];
    if ("missing" in python) return { state: "skipped", detail: python.missing };
    if ("missing" in go) return { state: "skipped", detail: go.missing };
    if (options.length > 0) return runVitest("polyglot", options);
    await ensureEnvironment(python);
    const outcomes = [
      () => testPython(path.join(polyglot, "python")),
      () => testGoModule({ go: go.program, folder, options: [] }),
      () => runVitest("polyglot", []),
    ];
    const details: string[] = [];
    for (const test of outcomes) {
      const outcome = await test();
      if (outcome.state !== "passed") return outcome;
      details.push(outcome.detail);
    }
    return { state: "passed", detail: details.join(", ") };
  },
};

function testPython(folder: string) {
  const program = (name: string) => pythonProgram(environment, name);
  const steps: Step[] = [
    ["ruff", program("ruff"), "check", "."],
    ["ruff format", program("ruff"), "format", "--check", "."],
    ["mypy", program("mypy")],
    ["pytest", program("pytest"), "-q"],
  ];
  return runSteps(steps, (name, args) => run(name, args, { cwd: folder, env: process.env }));
}
