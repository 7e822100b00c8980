import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { manifestText } from "../fixture/package-tree.ts";
import { ManifestError, parseManifest, readManifest } from "./manifest.ts";

test("a sound manifest has no problems", () => {
  expect(parseManifest(manifestText("a"), "a")).toEqual({ name: "a", version: "1.0.0", licence: "MIT", problems: [] });
});

test("a byte order mark does not break a manifest", () => {
  expect(parseManifest(`\uFEFF${manifestText("a")}`, "a").name).toBe("a");
});

test("licences in the forms npm has retired are understood", () => {
  expect(parseManifest(manifestText("a", { license: { type: "ISC" } }), "a").licence).toBe("ISC");
  const licenses = [{ type: "MIT" }, { type: "Apache-2.0" }];
  expect(parseManifest(manifestText("a", { license: undefined, licenses }), "a").licence).toBe("(MIT OR Apache-2.0)");
});

test.each([
  ["another name", { name: "b" }, 'is named "b" but installed as "a"'],
  ["no name", { name: undefined }, "has no name"],
  ["no version", { version: undefined }, "has no version"],
  ["an odd version", { version: "latest" }, 'has version "latest", which is not semver'],
])("a manifest with %s has that problem", (_, rest, problem) => {
  expect(parseManifest(manifestText("a", rest), "a").problems).toEqual([problem]);
});

test.each([
  ["is cut short", '{ "name": "a", ', 'cannot parse the manifest of "a"'],
  ["is a list", "[]", 'cannot use the manifest of "a": it is not an object'],
])("a manifest that %s is an error", (_, text, message) => {
  expect(() => parseManifest(text, "a")).toThrow(ManifestError);
  expect(() => parseManifest(text, "a")).toThrow(message);
});

test("an absent manifest is an error that keeps its cause", async () => {
  const dir = await mkdtemp(join(tmpdir(), "manifest-"));
  try {
    await expect(readManifest(dir, "a")).rejects.toThrow(/cannot read the manifest of "a": ENOENT/);
    await writeFile(join(dir, "package.json"), manifestText("a"));
    expect((await readManifest(dir, "a")).version).toBe("1.0.0");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
