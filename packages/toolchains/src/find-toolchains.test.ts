import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findCCompiler, findGo } from "./find-go.ts";
import { findPython } from "./find-python.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "toolchains-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program of that name, alone on PATH; `sh` is found as it has a path of its own. */
function program(name: string, script: string): { PATH: string } {
  const bin = path.join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(path.join(bin, name), 0o755);
  return { PATH: bin };
}

function goModule(version: string): string {
  writeFileSync(path.join(folder, "go.mod"), `module example.com/app\n\ngo ${version}\n`);
  return folder;
}

it("takes the first Python that is new enough", () => {
  program("python3", "echo 3.9.2");
  const env = program("python", "echo 3.13.1");
  expect(findPython(env)).toEqual({ program: "python", version: "3.13.1" });
});

it("says how to get a Python where there is none, or one that cannot make environments", () => {
  expect(findPython({ PATH: folder })).toEqual({ missing: expect.stringContaining("apt-get install python3") });
  const { missing } = findPython(program("python3", "exit 1")) as { missing: string };
  expect(missing).toMatch(/^there is no Python 3\.10 or newer .* SPANLOOM_PYTHON$/);
});

it("looks at no other Python than the one that SPANLOOM_PYTHON names", () => {
  const env = { ...program("python3", "echo 3.12.0"), SPANLOOM_PYTHON: "python2" };
  expect(findPython(env)).toEqual({ missing: expect.stringContaining('SPANLOOM_PYTHON names "python2"') });
});

it("takes the Go that takes a module's go.mod, and tells its version", () => {
  const env = program("go", '[ "$1" = env ] && echo go1.27.1 || echo example.com/app');
  expect(findGo(env, goModule("1.26.0"))).toEqual({ program: "go", version: "1.27.1" });
});

it("says what a Go that is too old says, and how to get one that is not", () => {
  const env = program("go", "echo 'go: go.mod requires go >= 1.26.0 (running go 1.22)' >&2; exit 1");
  const { missing } = findGo(env, goModule("1.26.0")) as { missing: string };
  expect(missing).toContain(
    "there is no Go 1.26 or newer on PATH (go: go.mod requires go >= 1.26.0 (running go 1.22))",
  );
  expect(missing).toContain("SPANLOOM_GO");
  expect(findGo({ ...env, SPANLOOM_GO: "go1.20" }, folder)).toEqual({
    missing: 'SPANLOOM_GO names "go1.20", which is no Go 1.26 or newer',
  });
});

it("tells whether Go has the C compiler that the race detector needs", () => {
  expect(findCCompiler(program("go", "echo gcc -m64"), "go")).toBeUndefined();
  expect(findCCompiler(program("gcc", "exit 0"), "go")).toBe("gcc -m64");
});
