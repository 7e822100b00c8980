import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findGo, pathWith, pythonProgram } from "@spanloom/toolchains";
import { capture } from "../bootstrap/run.mjs";
import type { Check, Note } from "./check.ts";
import { toolEnvironment } from "./command.ts";

/** Code of one language: where its buf.gen.yaml lies, and where in that folder the code goes. */
interface Target {
  folder: string;
  code: string;
  /** Folders of the programs that generate it, or why there are none. */
  programs(folder: string): readonly string[] | { missing: string };
}

const targets: readonly Target[] = [
  { folder: "", code: "packages/protocol/src/gen", programs: () => [] },
  { folder: "clients/python", code: "src/spanloom/v1", programs: pythonPrograms },
  { folder: "clients/go", code: "gen", programs: goPrograms },
];

/** Generates into a folder of its own and compares with what is committed. */
export const generatedCheck: Check = {
  name: "generated",
  promise: "the committed generated code is what the protocol generates",
  async run(root, note) {
    const results = await Promise.all(
      targets
        .filter((target) => existsSync(path.join(root, target.folder, "buf.gen.yaml")))
        .map((target) => problemsOfTarget(root, target, note)),
    );
    return results.flat();
  },
};

async function problemsOfTarget(root: string, { folder, code, programs }: Target, note?: Note): Promise<string[]> {
  const cwd = path.join(root, folder);
  const found = programs(cwd);
  if ("missing" in found) {
    note?.(`${folder} was not compared: ${found.missing}`);
    return [];
  }
  const fresh = mkdtempSync(path.join(tmpdir(), "spanloom-generated-"));
  try {
    const env = toolEnvironment();
    const options = { cwd, env: { ...env, PATH: pathWith(env, ...found) } };
    const { code: exitCode, output } = await capture("buf", ["generate", "--output", fresh], options);
    if (exitCode !== 0) return [`${folder || "."}: buf generate: exit code ${exitCode}: ${output.trim()}`];
    return compareFolders(path.posix.join(folder, code), path.join(cwd, code), path.join(fresh, code));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

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

function compareFolders(name: string, committed: string, fresh: string): string[] {
  const have = filesIn(committed);
  const want = filesIn(fresh);
  return [...new Set([...have, ...want])].sort().flatMap((file) => {
    if (!have.has(file)) return [`${name}/${file} is missing; run \`npm run generate\``];
    if (!want.has(file)) return [`${name}/${file} has no source in proto/; run \`npm run generate\``];
    const same = readFileSync(path.join(committed, file)).equals(readFileSync(path.join(fresh, file)));
    return same ? [] : [`${name}/${file} differs from proto/; run \`npm run generate\``];
  });
}

/** Files below a folder but what Python compiles them to. */
function filesIn(folder: string): Set<string> {
  if (!existsSync(folder)) return new Set();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Set(
    entries
      .filter((e) => e.isFile() && !e.parentPath.endsWith("__pycache__"))
      .map((e) => path.relative(folder, path.join(e.parentPath, e.name)).replaceAll("\\", "/")),
  );
}
