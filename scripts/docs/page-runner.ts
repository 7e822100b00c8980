import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { capture } from "../bootstrap/run.mjs";
import { codeBlocks, flagValue } from "./code-blocks.ts";
import { type SnippetFolder, writeSnippets } from "./snippet-folder.ts";

/**
 * Runs what a page shows as it shows it: `tasks.ts` on a runner with the embedded server, other files against that server.
 *
 * Only the server's address differs, as tests take any free port.
 */
export class PageRunner {
  readonly #snippets: SnippetFolder;
  readonly #folder: string;
  readonly #runner: ChildProcess;
  /** Of the embedded server. */
  readonly url: string;

  private constructor(snippets: SnippetFolder, folder: string, { runner, url }: { runner: ChildProcess; url: string }) {
    this.#snippets = snippets;
    this.#folder = folder;
    this.#runner = runner;
    this.url = url;
  }

  /** Writes the files of a page, a path below `root`, and starts the runner. */
  static async start(root: string, page: string): Promise<PageRunner> {
    const blocks = codeBlocks(page, readFileSync(path.join(root, page), "utf8"));
    const snippets = writeSnippets(
      root,
      blocks.filter((block) => flagValue(block, "file") !== undefined),
    );
    const folder = path.join(snippets.folder, page.replaceAll("/", "__").replace(/\.md$/, ""));
    const bin = path.join(root, "packages/runner/src/bin/spanloom-runner.ts");
    const args = ["tasks.ts", "--data-dir", path.join(snippets.folder, "data"), "--port", "0"];
    const runner = spawn(process.execPath, [bin, ...args], { cwd: folder, env: { ...process.env, SPANLOOM_URL: "" } });
    return new PageRunner(snippets, folder, { runner, url: await firstUrl(runner) });
  }

  /** Runs one file of the page; resolves with what it prints. Errors: when it fails, with what it printed. */
  async run(name: string, args: string[] = []): Promise<string> {
    const file = path.join(this.#folder, name);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/new (Client|QueryClient)\(\)/, `new $1({ url: "${this.url}" })`));
    const { code, output } = await capture(process.execPath, [file, ...args], { cwd: this.#folder });
    if (code === 0) return output;
    throw new Error(`${name} ended with ${code}:\n${output}`);
  }

  /** Ends the runner and removes the files. */
  async stop(): Promise<void> {
    this.#runner.kill("SIGTERM");
    if (this.#runner.exitCode === null && this.#runner.signalCode === null) await once(this.#runner, "exit");
    this.#snippets[Symbol.dispose]();
  }
}

/** The address the embedded server prints; an early exit fails with what the runner printed instead. */
async function firstUrl(child: ChildProcess): Promise<string> {
  const lines: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface(stream).on("line", (line) => {
      lines.push(line);
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
      if (match) resolve(match[0]);
    });
  }
  child.once("close", (code) => reject(new Error(`the runner ended with ${code}:\n${lines.join("\n")}`)));
  return promise;
}
