import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { capture } from "../bootstrap/run.mjs";
import type { Check, Note } from "./check.ts";
import { type GeneratedCode, generatedCode, generatorEnvironment } from "./generated-code.ts";

/** Generates into a folder of its own and compares with what is committed. */
export const generatedCheck: Check = {
  name: "generated",
  promise: "the committed generated code is what the protocol generates",
  async run(root, note) {
    const results = await Promise.all(
      generatedCode
        .filter((target) => existsSync(path.join(root, target.folder, "buf.gen.yaml")))
        .map((target) => problemsOfTarget(root, target, note)),
    );
    return results.flat();
  },
};

async function problemsOfTarget(
  root: string,
  { folder, code, programs }: GeneratedCode,
  note?: Note,
): Promise<string[]> {
  const cwd = path.join(root, folder);
  const found = programs(cwd);
  if ("missing" in found) {
    note?.(`${folder} was not compared: ${found.missing}`);
    return [];
  }
  const fresh = mkdtempSync(path.join(tmpdir(), "spanloom-generated-"));
  try {
    const options = { cwd, env: generatorEnvironment(found) };
    const { code: exitCode, output } = await capture("buf", ["generate", "--output", fresh], options);
    if (exitCode !== 0) return [`${folder || "."}: buf generate: exit code ${exitCode}: ${output.trim()}`];
    return compareFolders(path.posix.join(folder, code), path.join(cwd, code), path.join(fresh, code));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
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
