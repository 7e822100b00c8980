import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { makeFixture, makeWorkspace } from "../check/fixture.ts";
import { explainInstallFailure } from "./failure.mjs";
import { installFingerprint, workspaceManifests } from "./fingerprint.mjs";
import { ensureInstalled } from "./install.mjs";
import { hostNodeProblem, installedNodeWorks } from "./node.mjs";
import { capture, run } from "./run.mjs";

describe("hostNodeProblem", () => {
  it("accepts Node 20 and later, and names an older one", () => {
    expect([hostNodeProblem("20.0.0"), hostNodeProblem("26.10.0")]).toEqual([undefined, undefined]);
    expect(hostNodeProblem("18.20.4")).toBe(
      "cannot set up: this is Node 18.20.4, and the set-up needs Node 20 or newer",
    );
  });
});

describe("installedNodeWorks", () => {
  it("tells a package whose binary never arrived from one that starts with the wanted version", () => {
    using without = makeFixture({ "node_modules/node/package.json": {} });
    using other = makeFixture({ "node_modules/node/bin/node": "" });
    expect(installedNodeWorks(without.root, "26.10.0")).toBe(false);
    expect(installedNodeWorks(other.root, "26.10.0")).toBe(false);
    const here = path.resolve(import.meta.dirname, "..", "..");
    expect(installedNodeWorks(here, process.versions.node)).toBe(true);
    expect(installedNodeWorks(here, "1.0.0")).toBe(false);
  });
});

describe("installFingerprint", () => {
  it("changes with the lockfile, and with any manifest of the workspace", () => {
    using tree = makeWorkspace({ "pnpm-lock.yaml": "a", "packages/exporters/otlp/package.json": {} });
    const first = installFingerprint(tree.root);
    expect(installFingerprint(tree.root)).toBe(first);
    writeFileSync(path.join(tree.root, "packages/exporters/otlp/package.json"), "{ }");
    const second = installFingerprint(tree.root);
    writeFileSync(path.join(tree.root, "pnpm-lock.yaml"), "b");
    expect(new Set([first, second, installFingerprint(tree.root)]).size).toBe(3);
  });

  it("finds the packages of every pattern, and no folder without a manifest", () => {
    using tree = makeFixture({
      "pnpm-workspace.yaml": 'packages:\n  - packages/*\n  - "bench"\n  - apps/*\nallowBuilds:\n  node: true\n',
      "packages/a/package.json": {},
      "packages/b/readme.md": "",
      "bench/package.json": {},
    });
    expect(workspaceManifests(tree.root)).toEqual(["bench/package.json", "packages/a/package.json"]);
  });
});

describe("ensureInstalled", () => {
  it("refuses a pin that is not one exact version", async () => {
    using tree = makeWorkspace({
      "pnpm-lock.yaml": "",
      "package.json": { devDependencies: { pnpm: "^12.0.0", node: "26.10.0" } },
    });
    await expect(ensureInstalled(tree.root, () => {})).rejects.toThrow(
      'cannot set up: devDependencies.pnpm in package.json is "^12.0.0", not an exact version',
    );
  });
});

describe("explainInstallFailure", () => {
  it.each([
    ["npm error code ENOTFOUND\nnpm error network request failed", /registry cannot be reached/],
    ["ERR_PNPM_META_FETCH_FAIL  GET: connect ECONNREFUSED 127.0.0.1:9", /registry cannot be reached/],
    ["ENOSPC: no space left on device, write", /disk is full/],
    ["ERR_PNPM_OUTDATED_LOCKFILE  Cannot install", /pnpm-lock\.yaml does not match/],
    ["EACCES: permission denied, mkdir", /cannot be written/],
    ["something new", /pnpm ended with exit code 7 \(see above\)/],
  ])("of %j says why", (output, reason) => {
    expect(explainInstallFailure(output, 7)).toMatch(/^cannot install dependencies: /);
    expect(explainInstallFailure(output, 7)).toMatch(reason);
  });
});

describe("run and capture", () => {
  const options = { cwd: import.meta.dirname, env: process.env };

  it("answer with the exit code, and 128 + n for signal n", async () => {
    expect(await run(process.execPath, ["-e", "process.exit(3)"], options)).toBe(3);
    expect(await run(process.execPath, ["-e", "process.kill(process.pid, 'SIGTERM')"], options)).toBe(143);
  });

  it("name a program that is not there", async () => {
    await expect(run("no-such-program", [], options)).rejects.toThrow("cannot run no-such-program");
  });

  it("pass on lines as they come, and all of them at the end", async () => {
    const lines: string[] = [];
    const script = 'console.log("a\\n\\nb"); process.stdout.write("c")';
    const { code, output } = await capture(process.execPath, ["-e", script], {
      ...options,
      onLine: (line) => lines.push(line),
    });
    expect({ code, output, lines }).toEqual({ code: 0, output: "a\n\nb\nc", lines: ["a", "b", "c"] });
  });
});

describe("bootstrap.mjs", () => {
  it("asks for a script when none is named", () => {
    const program = path.join(import.meta.dirname, "..", "bootstrap.mjs");
    const { status, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "cannot run: name a script, as in `node scripts/bootstrap.mjs scripts/test.ts`\n",
    });
  });
});
