import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { generatedTree, manifestText, writeTree } from "../fixture/package-tree.ts";
import { findPackages } from "./find-packages.ts";

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "find-packages-")));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test("a package reached by several links is found once, at its real path", async () => {
  await writeTree(join(root, "node_modules"), {
    ".pnpm/a@1.0.0/node_modules/a/package.json": manifestText("a"),
    ".pnpm/a@1.0.0/node_modules/b": { link: "../../b@1.0.0/node_modules/b" },
    ".pnpm/b@1.0.0/node_modules/b/package.json": manifestText("b"),
    ".pnpm/node_modules/b": { link: "../b@1.0.0/node_modules/b" },
    a: { link: ".pnpm/a@1.0.0/node_modules/a" },
  });
  const found = await findPackages(root);
  expect(found.root).toBe(join(root, "node_modules"));
  expect(found.packages).toEqual([
    { path: ".pnpm/a@1.0.0/node_modules/a", name: "a" },
    { path: ".pnpm/b@1.0.0/node_modules/b", name: "b" },
  ]);
});

test("scoped packages and packages nested in packages are found under their names", async () => {
  await writeTree(join(root, "node_modules"), {
    "@scope/x/package.json": manifestText("@scope/x"),
    "@scope/x/node_modules/inner/package.json": manifestText("inner"),
    "plain/index.js": "",
    ".bin/tool": "",
    "stray-file.txt": "",
  });
  const { packages } = await findPackages(root);
  expect(packages.map(({ name }) => name)).toEqual(["@scope/x", "inner", "plain"]);
});

test("cycles of links end and broken links hold nothing", async () => {
  await writeTree(join(root, "node_modules"), {
    "a/package.json": manifestText("a"),
    "a/node_modules/b": { link: "../../b" },
    "b/package.json": manifestText("b"),
    "b/node_modules/a": { link: "../../a" },
    "b/node_modules/up": { link: "../.." },
    self: { link: "self" },
    gone: { link: "nowhere" },
  });
  const { packages } = await findPackages(root);
  expect(packages.map(({ path }) => path)).toEqual(["a", "b"]);
});

test("a link that leads out of the folder is named and not followed", async () => {
  await writeTree(root, {
    "workspace/package.json": manifestText("workspace"),
    "node_modules/workspace": { link: "../workspace" },
    "node_modules/a/package.json": manifestText("a"),
  });
  const found = await findPackages(join(root, "node_modules"));
  expect(found.packages.map(({ path }) => path)).toEqual(["a"]);
  expect(found.linkedOutside).toEqual(["workspace"]);
});

test("a generated pnpm tree has each of its packages once", async () => {
  await writeTree(join(root, "node_modules"), generatedTree(25, 3));
  const { packages } = await findPackages(root);
  expect(new Set(packages.map(({ path }) => path)).size).toBe(25);
  expect(packages).toHaveLength(25);
});

test("a folder that does not exist is an error of the file system", async () => {
  await expect(findPackages(join(root, "absent"))).rejects.toThrow("ENOENT");
});
