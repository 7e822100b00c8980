import { readFileSync } from "node:fs";
import path from "node:path";
import { type CodeBlock, codeBlocks } from "../docs/code-blocks.ts";
import { writeSnippets } from "../docs/snippet-folder.ts";
import type { Check } from "./check.ts";
import { problemsOf } from "./command.ts";
import { listFiles } from "./source-files.ts";

/**
 * Holds the code in documents to the code they document.
 *
 * ts: type-checked with the workspace's packages. ts run: also run. json: parsed. sh: its syntax, and that each
 * `npm run` names a script. `ignore` after the language leaves a block alone.
 */
export const snippetsCheck: Check = {
  name: "snippets",
  promise: "code in README.md, docs and the packages' READMEs is valid; blocks marked `run` run",
  async run(root) {
    const blocks = listBlocks(root).filter(({ flags }) => !flags.includes("ignore"));
    const scripts = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).scripts ?? {};
    const problems = blocks.flatMap((block) => jsonProblems(block));
    for (const block of blocks.filter(({ language }) => language === "sh")) {
      problems.push(...(await shellProblems(root, block, scripts)));
    }
    return [
      ...problems,
      ...(await typescriptProblems(
        root,
        blocks.filter(({ language }) => language === "ts"),
      )),
    ];
  },
};

/** The blocks of every document that users and contributors read. */
export function listBlocks(root: string): CodeBlock[] {
  return listFiles(root)
    .filter((file) => /^([^/]+\.md|docs\/.*\.md|proto\/README\.md|(packages|apps|bench)\/.*README\.md)$/.test(file))
    .flatMap((file) => codeBlocks(file, readFileSync(path.join(root, file), "utf8")));
}

function jsonProblems(block: CodeBlock): string[] {
  if (block.language !== "json") return [];
  try {
    JSON.parse(block.code);
    return [];
  } catch (error) {
    // The failure is the result.
    return [`${block.page}:${block.line} is not JSON: ${(error as Error).message}`];
  }
}

async function shellProblems(root: string, block: CodeBlock, scripts: Record<string, string>): Promise<string[]> {
  const where = `${block.page}:${block.line}`;
  const syntax = await problemsOf(root, "bash", ["-n", "-c", block.code]);
  const unknown = [...block.code.matchAll(/\b(?:npm|pnpm) run ([\w:-]+)/g)]
    .map((match) => match[1]!)
    .filter((name) => !(name in scripts))
    .map((name) => `${where} runs the script "${name}", which package.json does not have`);
  return [...syntax.map((line) => `${where} ${line}`), ...unknown];
}

async function typescriptProblems(root: string, blocks: CodeBlock[]): Promise<string[]> {
  if (blocks.length === 0) return [];
  using snippets = writeSnippets(root, blocks);
  const problems = ownProblems(await problemsOf(snippets.folder, "tsc", ["--pretty", "false", "-p", "."]));
  for (const [file, { flags }] of snippets.blocks) {
    if (problems.length > 0 || !flags.includes("run")) continue;
    problems.push(...(await problemsOf(snippets.folder, "node", [file])));
  }
  return problems.map((line) => withPagePosition(line, snippets.blocks));
}

/** The compiler's problems with snippets; those with the sources they import are for `types` to report. */
function ownProblems(lines: string[]): string[] {
  if (!lines.some((line) => line.startsWith("../"))) return lines;
  let own = true;
  return lines.slice(0, -1).filter((line) => {
    if (!line.startsWith(" ")) own = !line.startsWith("../");
    return own;
  });
}

/** `README/line-12.ts(3,1): error` as `README.md:15 error`. */
function withPagePosition(line: string, blocks: ReadonlyMap<string, CodeBlock>): string {
  const match = /^(\S+?\.ts)\((\d+),\d+\): (.*)$/.exec(line);
  const block = match && blocks.get(match[1]!);
  return block ? `${block.page}:${block.line + Number(match[2])} ${match[3]}` : line;
}
