import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { generatedTree, writeTree } from "../fixture/package-tree.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "demo-bin-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("audits a folder, writes its files, and exits by itself", async () => {
  const dir = join(folder, "node_modules");
  const out = join(folder, "out");
  await writeTree(dir, generatedTree(12, 30));
  const program = join(import.meta.dirname, "demo.ts");
  // A process that does not end by itself is killed, and fails the test.
  const { stdout } = await promisify(execFile)(process.execPath, [program, "--dir", dir, "--out", out], {
    timeout: 120_000,
  });
  expect(stdout).toContain("SUCCEEDED");
  expect(JSON.parse(await readFile(join(out, "summary.json"), "utf8"))).toMatchObject({
    state: "SUCCEEDED",
    orphans: 0,
    openSpans: 0,
  });
  for (const line of stdout.split("\n").filter((text) => !text.includes(folder)))
    expect(line.length).toBeLessThanOrEqual(100);
});
