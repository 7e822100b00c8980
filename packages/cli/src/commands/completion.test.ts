import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";
import { shells } from "../text/completion-text.ts";

async function scriptOf(shell: string): Promise<string> {
  const context = capturedContext();
  expect(await runCli(["completion", shell], context)).toBe(0);
  return context.out();
}

const isInstalled = (shell: string) => spawnSync(shell, ["-c", "exit 0"]).status === 0;

test.each([
  [["spanloom", "sch"], ["schedule"]],
  [
    ["spanloom", "job", "c"],
    ["cancel", "clone"],
  ],
  [
    ["spanloom", "job", "submit", "--wa"],
    ["--wait", "--watch"],
  ],
  [
    ["spanloom", "--url", "job", "job", "w"],
    ["watch", "wait"],
  ],
  [["spanloom", "--json", "queue", ""], ["list"]],
  [["spanloom", "job", "submit", "--input", "sch"], []],
  [["spanloom", "spans", "job", "x"], []],
])("bash completes %j with %j", async (words, expected) => {
  const typed = words.map((word) => `'${word}'`).join(" ");
  const ask = `COMP_WORDS=(${typed}); COMP_CWORD=${words.length - 1}; _spanloom; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", `${await scriptOf("bash")}\n${ask}`], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(stdout.split("\n").filter(Boolean)).toEqual(expected);
});

test.each(shells)("what is printed for %s is understood by it, where it is installed", async (shell) => {
  const script = await scriptOf(shell);
  for (const command of ["doctor", "schedule", "backfill"]) expect(script).toContain(command);
  if (!isInstalled(shell)) return;
  const file = join(await mkdtemp(join(tmpdir(), "cli-completion-")), "script");
  await writeFile(file, script);
  const { status, stderr } = spawnSync(shell, ["-n", file], { encoding: "utf8" });
  await rm(dirname(file), { recursive: true });
  expect([status, stderr]).toEqual([0, ""]);
});

test("with --json everything that can be typed is told", async () => {
  const context = capturedContext();
  expect(await runCli(["completion", "bash", "--json"], context)).toBe(0);
  const nodes = JSON.parse(context.out()) as { path: string; commands: object[]; options: object[] }[];
  expect(nodes[0]?.path).toBe("");
  expect(nodes.find(({ path }) => path === "job")?.commands).toContainEqual({
    word: "wait",
    description: expect.any(String),
  });
  expect(nodes.find(({ path }) => path === "spans")?.options).toContainEqual({
    word: "--format",
    description: expect.any(String),
    takesValue: true,
  });
});
