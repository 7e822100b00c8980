import { existsSync } from "node:fs";
import path from "node:path";
import { findGo, pathWith, pythonProgram } from "@spanloom/toolchains";
import { toolEnvironment } from "./command.ts";

/** Code of one language: where its buf.gen.yaml lies, and where in that folder the code goes. */
export interface GeneratedCode {
  folder: string;
  code: string;
  /** Folders of the programs that generate it, or why there are none. */
  programs(folder: string): readonly string[] | { missing: string };
}

/** What is generated from the protocol: every folder that has a buf.gen.yaml. */
export const generatedCode: readonly GeneratedCode[] = [
  { folder: "", code: "packages/protocol/src/gen", programs: () => [] },
  { folder: "clients/python", code: "src/spanloom/v1", programs: pythonPrograms },
  { folder: "clients/go", code: "gen", programs: goPrograms },
];

/** Its generator is a Python package, which only the environment of the client's tests has. */
function pythonPrograms(folder: string): readonly string[] | { missing: string } {
  const program = pythonProgram(path.join(folder, ".venv"), "python");
  return existsSync(program)
    ? [path.dirname(program)]
    : { missing: "its generator is not installed; `npm run test:clients` installs it" };
}

/** Its generators are tools of its go.mod, which Go fetches and builds. */
function goPrograms(folder: string): readonly string[] | { missing: string } {
  const go = findGo(process.env, folder);
  if ("missing" in go) return go;
  return path.isAbsolute(go.program) ? [path.dirname(go.program)] : [];
}

/** The environment in which `buf generate` finds those programs. */
export function generatorEnvironment(programs: readonly string[]): NodeJS.ProcessEnv {
  const env = toolEnvironment();
  return { ...env, PATH: pathWith(env, ...programs) };
}
