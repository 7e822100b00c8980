import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCurl } from "./has-curl.ts";
import { runShellExamples, shellExamples } from "./shell-examples.ts";
import { ShownAnswers } from "./shown-answer.ts";

const root = path.resolve(import.meta.dirname, "..", "..");
const address = "http://127.0.0.1:7171";

describe.skipIf(!hasCurl())("docs/http.md (P6)", () => {
  let server: RunningServer;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "http-page-"));
    server = await startServer({ dataDir: path.join(folder, "data"), port: 0, token: "sesame" });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("makes every call, from top to bottom, and is answered as it shows", async () => {
    const page = await readFile(path.join(root, "docs/http.md"), "utf8");
    const examples = shellExamples("docs/http.md", page);
    const runs = await runShellExamples(examples, { folder, env: process.env, replace: { [address]: server.url } });
    const answers = new ShownAnswers();
    const problems = examples.flatMap(({ command, answer }, at) => {
      const { output, code } = runs[at]!;
      const found = answer ? answers.problems(answer.language, answer.code, output) : [];
      if (code !== 0) found.unshift(code === undefined ? "did not end" : `ended with ${code}: ${output}`);
      return found.map((problem) => `docs/http.md:${command.line} ${problem}`);
    });
    expect(problems).toEqual([]);
    expect(examples.filter(({ answer }) => answer === undefined).map(({ command }) => command.code)).toEqual(
      // What is to be used later, and prints nothing.
      expect.arrayContaining([expect.stringContaining("pick() {"), expect.stringContaining("arrow() {")]),
    );
  });

  it("leaves whole Arrow streams in the files that it writes", async () => {
    for (const name of ["spans", "logs", "sums", "path", "jobs", "tail"]) {
      const bytes = await readFile(path.join(folder, `${name}.arrow`));
      expect([name, bytes.subarray(0, 4).toString("hex")]).toEqual([name, "ffffffff"]);
      expect([name, bytes.subarray(-8).toString("hex")]).toEqual([name, "ffffffff00000000"]);
    }
  });
});
