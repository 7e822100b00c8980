import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ensurePythonEnvironment } from "./python-environment.ts";

let project: string;
beforeEach(() => {
  project = mkdtempSync(path.join(tmpdir(), "python-environment-"));
  for (const file of ["pyproject.toml", "constraints.txt"]) writeFileSync(path.join(project, file), "");
});
afterEach(() => rmSync(project, { recursive: true }));

/** Asks for the environment; gives the commands that made it. */
async function ensure(version: string, exitCode = 0): Promise<string[]> {
  const folder = path.join(project, ".venv");
  const commands: string[] = [];
  const run = async (program: string, args: string[]) => {
    mkdirSync(folder, { recursive: true });
    commands.push([path.basename(program), ...args].join(" "));
    return exitCode;
  };
  await ensurePythonEnvironment({ python: { program: "python3", version }, folder, project, extra: "dev", run });
  return commands;
}

it("makes an environment once, and anew when what is asked for has changed", async () => {
  expect(await ensure("3.12.0")).toEqual([
    `python3 -m venv ${path.join(project, ".venv")}`,
    expect.stringMatching(/^python -m pip install .* -e .*\[dev\]$/),
  ]);
  expect(await ensure("3.12.0")).toEqual([]);
  writeFileSync(path.join(project, "constraints.txt"), "protobuf==6\n");
  expect(await ensure("3.12.0")).toHaveLength(2);
  expect(await ensure("3.13.0")).toHaveLength(2);
});

it("takes one that could not be made for none", async () => {
  await expect(ensure("3.12.0", 3)).rejects.toThrow("python3 ended with exit code 3");
  expect(await ensure("3.12.0")).toHaveLength(2);
});
