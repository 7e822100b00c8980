import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeTree } from "../fixture/package-tree.ts";
import { hashFiles } from "./hash-files.ts";
import { walkFiles } from "./walk-files.ts";
import { hashesName, readWork, writeWork } from "./work-folder.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "package-files-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test("a walk lists regular files with their sizes and counts links without following them", async () => {
  await writeTree(root, {
    "index.js": "12345",
    "lib/deep/x.js": "",
    "node_modules/other/index.js": "not this package's",
    "lib/loop": { link: ".." },
  });
  expect(await walkFiles(root)).toEqual({
    files: [
      { path: "index.js", bytes: 5, inode: expect.stringMatching(/^\d+:\d+$/) },
      { path: "lib/deep/x.js", bytes: 0, inode: expect.any(String) },
    ],
    skipped: 1,
    unreadable: [],
  });
});

test("a walk of a folder that is gone reports it as unreadable", async () => {
  expect((await walkFiles(join(root, "absent"))).unreadable).toEqual(["."]);
});

test("hashes are SHA-256, in the order asked, and absent for a file that cannot be read", async () => {
  await writeTree(root, { a: "alpha", b: "beta" });
  const done: number[] = [];
  const files = ["b", "gone", "a"].map((path) => ({ path, bytes: 1, inode: "1:1" }));
  const hashed = await hashFiles(root, files, { onFile: (count) => done.push(count) });
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  expect(hashed.map((file) => file.sha256)).toEqual([sha256("beta"), "", sha256("alpha")]);
  expect(done).toEqual([1, 2, 3]);
});

test("an aborted walk or hash rejects with the reason", async () => {
  await writeTree(root, { a: "alpha" });
  const signal = AbortSignal.abort(new Error("told to stop"));
  await expect(walkFiles(root, signal)).rejects.toThrow("told to stop");
  await expect(hashFiles(root, [{ path: "a", bytes: 5, inode: "1:1" }], { signal })).rejects.toThrow("told to stop");
});

test("two attempts that write the same work file leave one of them whole", async () => {
  const name = hashesName("some/package");
  await Promise.all([writeWork(root, name, ["first"], "1"), writeWork(root, name, ["second"], "2")]);
  expect([["first"], ["second"]]).toContainEqual(await readWork(root, name));
});
