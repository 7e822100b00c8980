import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { capture } from "../bootstrap/run.mjs";
import { codeBlocks, flagValue } from "./code-blocks.ts";
import { type SnippetFolder, writeSnippets } from "./snippet-folder.ts";

/**
 * Runs what the README shows, as it shows it: the tasks on a runner with the embedded server, then the submission, then
 * the query. Only the server's address differs, as tests take any free port.
 */
describe("README.md", () => {
  const root = path.resolve(import.meta.dirname, "..", "..");
  const read = (page: string) => readFileSync(path.join(root, page), "utf8");
  let snippets: SnippetFolder;
  let runner: ChildProcess;
  let url: string;

  beforeAll(async () => {
    const blocks = codeBlocks("README.md", read("README.md"));
    snippets = writeSnippets(
      root,
      blocks.filter((block) => flagValue(block, "file") !== undefined),
    );
    const bin = path.join(root, "packages/runner/src/bin/spanloom-runner.ts");
    const args = ["tasks.ts", "--data-dir", path.join(snippets.folder, "data"), "--port", "0"];
    const env = { ...process.env, SPANLOOM_URL: "" };
    runner = spawn(process.execPath, [bin, ...args], { cwd: path.join(snippets.folder, "README"), env });
    url = await firstUrl(runner);
  });

  afterAll(async () => {
    runner.kill("SIGTERM");
    if (runner.exitCode === null && runner.signalCode === null) await once(runner, "exit");
    snippets[Symbol.dispose]();
  });

  /** Runs one block against the server of this test. */
  async function runBlock(name: string, args: string[] = []): Promise<string> {
    const file = path.join(snippets.folder, "README", name);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/new (Client|QueryClient)\(\)/, `new $1({ url: "${url}" })`));
    const { code, output } = await capture(process.execPath, [file, ...args], { cwd: path.dirname(file) });
    expect({ code, output }).toMatchObject({ code: 0 });
    return output;
  }

  it("shows a submission that succeeds, and a query that draws its trace", async () => {
    const [jobId, state] = (await runBlock("submit.ts")).trim().split(" ");
    expect(state).toBe("SUCCEEDED");
    const drawn = await runBlock("query.ts", [jobId!]);
    expect(drawn).toContain("job count-all");
    expect(drawn.match(/count-words/g)!.length).toBeGreaterThanOrEqual(3);
    expect(drawn).toContain("find-most");
  });

  it("names programs that npx finds in this folder", async () => {
    const programs = read("README.md").match(/(?<=npx )spanloom[\w-]*/g)!;
    expect(new Set(programs)).toEqual(new Set(["spanloom", "spanloom-runner", "spanloom-server"]));
    for (const program of new Set(programs)) {
      const { code, output } = await capture("npx", ["--no-install", program, "--help"], { cwd: root });
      expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("Usage:") });
    }
  });

  // A machine without curl cannot show that curl works; CI and most developers have it.
  it.skipIf(spawnSync("curl", ["--version"]).error !== undefined)(
    "leads to a command that submits with curl",
    async () => {
      const command = codeBlocks("proto/README.md", read("proto/README.md")).find(({ code }) =>
        code.includes("SubmitJob"),
      )!;
      const { output } = await capture("bash", ["-c", command.code.replace("http://127.0.0.1:7171", url)], {
        cwd: root,
      });
      expect(JSON.parse(output)).toMatchObject({ job: { name: "add", state: "JOB_STATE_QUEUED" } });
    },
  );
});

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
