import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findChromium } from "./find-chromium.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "spanloom-find-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function install(name: string, mode = 0o755): string {
  const file = path.join(folder, name);
  writeFileSync(file, "");
  chmodSync(file, mode);
  return file;
}

describe("findChromium", () => {
  it("finds a browser under one of its names on PATH, Chromium first", () => {
    const chrome = install("google-chrome");
    const PATH = `/nowhere:${folder}`;
    expect(findChromium({ PATH })).toBe(chrome);
    const chromium = install("chromium");
    expect(findChromium({ PATH })).toBe(chromium);
  });

  it.skipIf(process.platform === "darwin")("finds none where there is none that could be run", () => {
    expect(findChromium({})).toBeUndefined();
    install("google-chrome", 0o644);
    mkdirSync(path.join(folder, "chromium"));
    expect(findChromium({ PATH: folder })).toBeUndefined();
  });

  it("takes the one that a variable names, by its path or its name", () => {
    install("chromium");
    const other = install("other");
    expect(findChromium({ PATH: folder, CHROMIUM: other })).toBe(other);
    expect(findChromium({ PATH: folder, CHROMIUM: "/nowhere", SPANLOOM_CHROMIUM: "other" })).toBe(other);
  });

  it("refuses a variable that names no program", () => {
    install("chromium");
    const refused = 'cannot find Chromium: CHROMIUM names "/nowhere", which is no program';
    expect(() => findChromium({ PATH: folder, CHROMIUM: "/nowhere" })).toThrow(refused);
  });
});
