import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type CodeBlock, codeBlocks } from "./code-blocks.ts";

/** A command that a page shows, and the answer that it shows for it. */
export interface ShellExample {
  command: CodeBlock;
  answer: CodeBlock | undefined;
}

/** What became of an example. */
export interface ShellRun {
  output: string;
  /** Exit code of its last command; undefined when the shell ended before. */
  code: number | undefined;
}

/** Languages of blocks that show an answer: `js` is JSON with `...` for what is left out. */
const answerLanguages = ["js", "text"];

/** The `sh` blocks of a page but those marked `ignore`, in order; a block of an answer belongs to the one before it. */
export function shellExamples(page: string, text: string): ShellExample[] {
  const examples: ShellExample[] = [];
  let last: ShellExample | undefined;
  for (const block of codeBlocks(page, text)) {
    if (answerLanguages.includes(block.language) && last) last.answer = block;
    last = undefined;
    if (block.language !== "sh" || block.flags.includes("ignore")) continue;
    last = { command: block, answer: undefined };
    examples.push(last);
  }
  return examples;
}

/** Where examples are run. */
export interface ShellPlace {
  /** An empty folder, which they may write to. */
  folder: string;
  env: NodeJS.ProcessEnv;
  /** What of the page is another text here, such as the server's address. */
  replace: Readonly<Record<string, string>>;
}

/** How long one page may take before it is ended, as something in it hangs. */
const LIMIT_MS = 240_000;

/**
 * Runs examples in one `sh`, as somebody does who pastes one after the other: variables and functions stay.
 *
 * Shape: one run for each example, in their order; output is what both streams got, with the texts of the page.
 */
export async function runShellExamples(
  examples: readonly ShellExample[],
  { folder, env, replace }: ShellPlace,
): Promise<ShellRun[]> {
  const texts = Object.entries(replace);
  const toPlace = (text: string) => texts.reduce((done, [page, place]) => done.replaceAll(page, place), text);
  const toPage = (text: string) => texts.reduce((done, [page, place]) => done.replaceAll(place, page), text);
  const steps = examples.map(({ command }, at) => `${toPlace(command.code)}printf '\\n${MARK} ${at} %s\\n' "$?"\n`);
  const script = path.join(folder, "page.sh");
  writeFileSync(script, ["exec 2>&1 </dev/null\n", ...steps].join(""));
  const printed = await new Promise<string>((resolve) => {
    const options = { cwd: folder, env, timeout: LIMIT_MS, maxBuffer: 64 * 1024 * 1024 };
    // That a command fails is told by its exit code below.
    execFile("sh", [script], options, (_error, stdout) => resolve(stdout));
  });
  return parseRuns(examples.length, toPage(printed));
}

const MARK = "@@ end of example";

function parseRuns(count: number, printed: string): ShellRun[] {
  const parts = printed.split(new RegExp(`\\n${MARK} (\\d+) (\\d+)\\n`));
  return Array.from({ length: count }, (_, at) => {
    const code = parts[at * 3 + 2];
    return { output: parts[at * 3] ?? "", code: code === undefined ? undefined : Number(code) };
  });
}
