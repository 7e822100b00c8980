import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeFolder } from "./make-folder.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spanloom-folder-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("a folder is made with those above it, and again without complaint", () => {
  const deep = join(folder, "a", "b", "c");
  makeFolder(deep);
  makeFolder(deep);
  expect(existsSync(deep)).toBe(true);
});

it("a folder below a file is refused", () => {
  writeFileSync(join(folder, "file"), "");
  expect(() => makeFolder(join(folder, "file", "a"))).toThrow("ENOTDIR");
});

it.skipIf(!existsSync("/proc/self"))("a file system that makes no folders is told of, not asked for ever", () => {
  expect(() => makeFolder("/proc/spanloom/data")).toThrow("ENOENT");
});
