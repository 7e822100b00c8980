import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A small tree on disk, gone at the end of the block that holds it. */
export interface Fixture extends Disposable {
  readonly root: string;
}

/** Writes files into a new folder: contents by path; objects become JSON. */
export function makeFixture(files: Readonly<Record<string, string | object>>): Fixture {
  const root = mkdtempSync(path.join(tmpdir(), "spanloom-fixture-"));
  for (const [file, content] of Object.entries(files)) {
    const target = path.join(root, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, typeof content === "string" ? content : JSON.stringify(content));
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

const workspaceYaml = "packages:\n  - packages/*\n  - packages/exporters/*\n  - apps/*\n";

/** A workspace with one package, `@spanloom/sdk`, and the given files. */
export function makeWorkspace(files: Readonly<Record<string, string | object>> = {}): Fixture {
  return makeFixture({
    "pnpm-workspace.yaml": workspaceYaml,
    "package.json": { name: "spanloom", private: true, license: "Apache-2.0" },
    "packages/sdk/package.json": {
      name: "@spanloom/sdk",
      version: "1.0.0",
      dependencies: { "@spanloom/protocol": "workspace:*" },
    },
    ...files,
  });
}
