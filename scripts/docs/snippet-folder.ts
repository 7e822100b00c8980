import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { listPackages } from "../check/workspace.ts";
import { type CodeBlock, flagValue } from "./code-blocks.ts";

/** Snippets as files of a project of their own, in which every package of the workspace can be imported. */
export interface SnippetFolder extends Disposable {
  readonly folder: string;
  /** The block behind each file, by path relative to the folder. */
  readonly blocks: ReadonlyMap<string, CodeBlock>;
}

/**
 * Writes blocks to a new folder: those of one page beside each other, so that one can import another by its `file=`.
 *
 * The packages are links to the workspace's, so snippets meet the sources as they are, without a build.
 */
export function writeSnippets(root: string, blocks: readonly CodeBlock[]): SnippetFolder {
  const folder = mkdtempSync(path.join(tmpdir(), "spanloom-snippets-"));
  linkPackages(root, path.join(folder, "node_modules"));
  const written = new Map<string, CodeBlock>();
  for (const block of blocks) {
    const page = block.page.replaceAll("/", "__").replace(/\.md$/, "");
    const file = path.posix.join(page, flagValue(block, "file") ?? `line-${block.line}.ts`);
    if (written.has(file))
      throw new Error(`cannot read ${block.page}: two blocks are called ${path.posix.basename(file)}`);
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), block.code);
    written.set(file, block);
  }
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "snippets", private: true, type: "module" }));
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(tsconfig(root)));
  return { folder, blocks: written, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

function tsconfig(root: string): object {
  return {
    extends: path.join(root, "tsconfig.base.json"),
    compilerOptions: { noUnusedLocals: false, typeRoots: [path.join(root, "node_modules", "@types")] },
    include: ["**/*.ts"],
  };
}

/** Every package of the workspace, and what they depend on, as a reader's node_modules would hold them. */
function linkPackages(root: string, target: string): void {
  for (const { folder, name, manifest } of listPackages(root)) {
    link(path.join(root, folder), path.join(target, name));
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
      link(path.join(root, folder, "node_modules", dependency), path.join(target, dependency));
    }
  }
}

function link(source: string, target: string): void {
  if (existsSync(target) || !existsSync(source)) return;
  mkdirSync(path.dirname(target), { recursive: true });
  symlinkSync(realpathSync(source), target, "dir");
}
