import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { waitFor } from "@spanloom/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runTokenCommand } from "../token-command.ts";
import { bearerAuthorization } from "./authorization.ts";
import { parseTokens } from "./token-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spanloom-tokens-"));
  path = join(folder, "tokens");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const create = (name: string, scope: string, env = {}) =>
  runTokenCommand(["create", "--name", name, "--scope", scope, "--tokens-file", path], env).trim();

describe("token create", () => {
  it("prints a token that the file lets in, with its scopes, and keeps only its hash", () => {
    const ci = create("ci", "submit,read");
    const runner = create("runner", "run");
    const text = readFileSync(path, "utf8");
    expect(ci).toMatch(/^sl_[\w-]{43}$/);
    expect(text).toMatch(/^ci submit,read sha256:[0-9a-f]{64}\nrunner run sha256:[0-9a-f]{64}\n$/);
    expect(text).not.toContain(ci);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const authorize = bearerAuthorization(() => parseTokens(text, path));
    authorize(`Bearer ${ci}`, "spanloom.v1.JobService/SubmitJob");
    authorize(`Bearer ${runner}`, "spanloom.v1.TaskService/LeaseTasks");
    expect(() => authorize(`Bearer ${runner}`, "spanloom.v1.JobService/SubmitJob")).toThrow('"submit"');
  });

  it("takes the file from the environment, and appends to one whose last line has no end", () => {
    writeFileSync(path, "# for CI");
    runTokenCommand(["create", "--name", "a", "--scope", "read"], { SPANLOOM_TOKENS_FILE: path });
    expect(readFileSync(path, "utf8")).toMatch(/^# for CI\na read sha256:/);
  });

  it.each([
    [["create", "--scope", "read"], "--name is missing"],
    [["create", "--name", "a"], "--scope is missing"],
    [["create", "--name", "a", "--scope", "read,write"], '"write" is no scope; scopes are submit, run, read, admin'],
    [["create", "--name", "a b", "--scope", "read"], 'the name "a b" must be 1 to 64'],
    [["create", "--nam", "a"], "--nam"],
    [["destroy"], '"token destroy" is no command'],
  ])("refuses %j, naming what is wrong", (args, message) => {
    expect(() => runTokenCommand(args, { SPANLOOM_TOKENS_FILE: path })).toThrow(message);
    expect(() => readFileSync(path)).toThrow("ENOENT");
  });

  it("refuses a name that is taken, and a file that is none", () => {
    create("ci", "read");
    expect(() => create("ci", "run")).toThrow(`"${path}" has a token "ci" already; delete its line first`);
    path = folder;
    expect(() => create("ci", "run")).toThrow(`cannot read the tokens in "${folder}"`);
  });
});

describe("a tokens file", () => {
  it("may hold comments and empty lines", () => {
    expect(parseTokens(`# a comment\n\n  ci  read,run  sha256:${"0".repeat(64)}  \r\n`, "f")).toMatchObject([
      { name: "ci", scopes: new Set(["read", "run"]) },
    ]);
  });

  it.each([
    ["ci read", 'cannot use f:1: a line must read "name scope,scope sha256:<64 hex digits>"'],
    ["ci read sl_secret", "f:1: a line must read"],
    [`\nci reed sha256:${"0".repeat(64)}`, 'cannot use f:2: "reed" is no scope'],
    [`a read sha256:${"0".repeat(64)}\na run sha256:${"1".repeat(64)}`, 'f:2: the name "a" is taken by a line above'],
  ])("is refused by line, without quoting what may be a secret: %j", (text, message) => {
    expect(() => parseTokens(text, "f")).toThrow(message);
    expect(() => parseTokens(text, "f")).toThrow(/^(?!.*sl_secret)/);
  });
});

describe("the program", () => {
  const program = join(import.meta.dirname, "..", "bin", "spanloom-server.ts");
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [program, ...args], { env: { PATH: process.env.PATH } });

  it("makes tokens that it then asks for, and reads the file again on SIGHUP", async () => {
    const { stdout } = await run("token", "create", "--name", "ci", "--scope", "read", "--tokens-file", path);
    const args = ["--port", "0", "--data-dir", join(folder, "data"), "--tokens-file", path];
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const exited = once(child, "exit");
    try {
      let text = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => {
          text += chunk;
        });
      const url = await waitFor(() => /http:\S+/.exec(text)?.[0]);
      const count = async () => {
        const headers = { "content-type": "application/json", authorization: `Bearer ${stdout.trim()}` };
        return (await fetch(`${url}/spanloom.v1.JobService/CountJobs`, { method: "POST", headers, body: "{}" })).status;
      };
      expect(await count()).toBe(200);
      writeFileSync(path, "");
      child.kill("SIGHUP");
      await waitFor(() => text.includes("read the tokens again"));
      expect(await count()).toBe(401);
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
  });

  it("says what is wrong with a token to be made, and with a file that is missing", async () => {
    await expect(run("token", "create", "--name", "ci")).rejects.toMatchObject({
      code: 2,
      stderr:
        "cannot read the command line: --tokens-file or SPANLOOM_TOKENS_FILE is missing; see spanloom-server token --help\n",
    });
    const args = ["--port", "0", "--data-dir", join(folder, "data"), "--tokens-file", path];
    await expect(run(...args)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`cannot read the tokens in "${path}": ENOENT`),
    });
  });
});
