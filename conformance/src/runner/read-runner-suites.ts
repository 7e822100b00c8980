import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Cursor } from "../cases/cursor.ts";
import { readSuite } from "../cases/read-suite.ts";
import type { Suite } from "../cases/suite.ts";
import { readRunnerSteps } from "./read-runner-steps.ts";
import type { RunnerStep } from "./runner-step.ts";

/** Reads the suites of runners: every `.yaml` of a folder. */
export function readRunnerSuites(folder: string): Suite<RunnerStep>[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .sort();
  return files.map((name) => {
    const file = path.relative(process.cwd(), path.join(folder, name));
    const root = Cursor.parse(file, readFileSync(path.join(folder, name), "utf8"));
    return readSuite(root, path.basename(name, ".yaml"), readRunnerSteps);
  });
}
