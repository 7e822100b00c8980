import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Check } from "./check.ts";
import { problemsOf } from "./command.ts";

/** Where buf.gen.yaml puts the TypeScript code. */
const generatedFolder = "packages/protocol/src/gen";

/** Generates into a folder of its own and compares with what is committed. */
export const generatedCheck: Check = {
  name: "generated",
  promise: "the committed generated code is what the protocol generates",
  async run(root) {
    const folder = mkdtempSync(path.join(tmpdir(), "spanloom-generated-"));
    try {
      const problems = await problemsOf(root, "buf", ["generate", "--output", folder]);
      if (problems.length > 0) return problems;
      return compareFolders(path.join(root, generatedFolder), path.join(folder, generatedFolder));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function compareFolders(committed: string, fresh: string): string[] {
  const have = filesIn(committed);
  const want = filesIn(fresh);
  return [...new Set([...have, ...want])].sort().flatMap((file) => {
    if (!have.has(file)) return [`${generatedFolder}/${file} is missing; run \`npm run generate\``];
    if (!want.has(file)) return [`${generatedFolder}/${file} has no source in proto/; run \`npm run generate\``];
    const same = readFileSync(path.join(committed, file)).equals(readFileSync(path.join(fresh, file)));
    return same ? [] : [`${generatedFolder}/${file} differs from proto/; run \`npm run generate\``];
  });
}

function filesIn(folder: string): Set<string> {
  if (!existsSync(folder)) return new Set();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Set(
    entries
      .filter((e) => e.isFile())
      .map((e) => path.relative(folder, path.join(e.parentPath, e.name)).replaceAll("\\", "/")),
  );
}
