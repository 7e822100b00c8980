import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "vitest";
import { CaseFailure } from "../cases/case-failure.ts";
import type { Case } from "../cases/suite.ts";
import { capturedRun } from "../testing/captured-run.ts";
import { type Command, UsageError } from "./command.ts";
import { runCommand } from "./run-command.ts";

const folder = mkdtempSync(path.join(tmpdir(), "spanloom-conformance-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function caseOf(name: string, variants: string[] = []): Case<string> {
  return { suite: "s", name, proves: ["4.3"], variants, needs: [], slow: false, steps: [], file: "s.yaml", line: 7 };
}

/** A command whose subject fails the cases that are called bad. */
const command: Command<string> = {
  kind: {
    name: "server",
    readSuites: () => [{ name: "s", about: "a test", cases: [caseOf("good"), caseOf("bad one", ["x"])] }],
  },
  usage: "fake [options]",
  help: ["  --broken                   cannot be reached"],
  options: { broken: { type: "boolean" } },
  connect: async ({ values }) => {
    if (values.broken) throw new UsageError("cannot test it: it is broken");
    return {
      name: "it",
      variants: ["x", "y"],
      concurrency: 2,
      async runCase(each) {
        if (!each.name.startsWith("bad")) return;
        throw new CaseFailure({ line: 9, step: "Call", path: "a.b", expected: "1", actual: { c: 2 } });
      },
      async [Symbol.asyncDispose]() {},
    };
  },
};

const run = (...args: string[]) => runOf(command, new AbortController().signal, ...args);

async function runOf(tested: Command<string>, signal: AbortSignal, ...args: string[]) {
  const written = { stdout: "", stderr: "" };
  const outputOf = (name: "stdout" | "stderr") => ({
    write: (text: string) => {
      written[name] += text;
    },
    isTTY: false,
  });
  const context = { stdout: outputOf("stdout"), stderr: outputOf("stderr"), env: {}, signal };
  return { code: await runCommand(tested, args, context), ...written };
}

function listFile(text: string): string {
  const file = path.join(folder, "known.yaml");
  writeFileSync(file, text);
  return file;
}

test("a failing case is told with step, expectation, what came and section, and the exit code is 1", async () => {
  expect(await run()).toEqual({
    code: 1,
    stdout:
      'FAIL s: bad one [x] (protocol 4.3)\n     s.yaml:9 Call: expected a.b to be 1, came {"c":2}\n  s: 1 of 3 failed (x 1 of 2, y 0 of 1)\nit: 2 cases in 3 runs: 2 passed, 1 failed\n',
    stderr: "",
  });
});

test("a case that needs what the subject does not offer is not run, and told", async () => {
  const needy = { ...caseOf("needy"), needs: ["token"] };
  const readSuites = () => [{ name: "s", about: "a test", cases: [caseOf("good"), needy] }];
  const { code, stdout } = await runOf(
    { ...command, kind: { name: "server", readSuites } },
    new AbortController().signal,
  );
  expect(stdout).toBe("SKIP s: needy: needs --token\nit: 1 case in 2 runs: 2 passed, 0 failed\n");
  expect(code).toBe(0);
});

test("a run that is interrupted does not blame the cases that it broke off", async () => {
  const stop = new AbortController();
  const interrupted: Command<string> = {
    ...command,
    connect: async (options) => ({
      ...(await command.connect(options)),
      concurrency: 1,
      async runCase(each, _variant, signal) {
        if (!each.name.startsWith("bad")) return;
        stop.abort();
        signal.throwIfAborted();
      },
    }),
  };
  const { code, stdout } = await runOf(interrupted, stop.signal);
  expect(stdout).toBe("it: 1 case in 2 runs: 2 passed, 0 failed\ninterrupted after 2 of 3 runs\n");
  expect(code).toBe(1);
});

test("when all cases pass the exit code is 0", async () => {
  expect(await run("--case", "good")).toMatchObject({ code: 0, stdout: "it: 1 case in 2 runs: 2 passed, 0 failed\n" });
});

describe("with known failures", () => {
  test("a case that fails as listed does not fail the run", async () => {
    const { code, stdout } = await run("--known-failures", listFile('- { case: "s: bad one", reason: it is }'));
    expect(stdout).toBe("it: 2 cases in 3 runs: 2 passed, 0 failed, 1 failed as listed\n");
    expect(code).toBe(0);
  });

  test("a listed case that passes fails the run", async () => {
    const list = '- { case: "s: bad one", reason: it is }\n- { case: "s: good", variants: [y], reason: it was }';
    const { code, stdout } = await run("--known-failures", listFile(list));
    expect(stdout).toContain("PASS s: good [y] (protocol 4.3): is listed as a known failure, and passed");
    expect(code).toBe(1);
  });

  test("a listed case that is not there fails the run, also when others are selected", async () => {
    const list = '- { case: "s: nothing", reason: it was }';
    const { code, stdout } = await run("--case", "good", "--known-failures", listFile(list));
    expect(stdout).toContain("LIST s: nothing: is listed as a known failure, and no such case is run");
    expect(code).toBe(1);
  });

  test("a listed case that has no such variant fails the run", async () => {
    const list = '- { case: "s: bad one", variants: [x, z], reason: it is }';
    const { code, stdout } = await run("--known-failures", listFile(list));
    expect(stdout).toContain("LIST s: bad one [x, z]: is listed as a known failure, and no such case is run");
    expect(code).toBe(1);
  });

  test("a listed case of a subject's variants fails the run when it names another", async () => {
    const list = '- { case: "s: good", variants: [z], reason: it is }';
    expect((await run("--known-failures", listFile(list))).stdout).toContain("LIST s: good [z]: ");
  });

  test("a listed case that is not selected is let be", async () => {
    const list = '- { case: "s: bad one", reason: it is }';
    expect(await run("--case", "good", "--known-failures", listFile(list))).toMatchObject({ code: 0 });
  });
});

test("--json writes a report for programs, and all else to standard error", async () => {
  const { stdout, stderr } = await run("--json");
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ subject: "it", counts: { passed: 2, failed: 1 }, stray: [] });
  expect(report.results[2]).toMatchObject({ name: "bad one", variant: "x", outcome: "failed", failure: { line: 9 } });
  expect(stderr).toContain("it: 2 cases in 3 runs");
});

test("--list names the cases and runs none", async () => {
  const { stdout, code } = await run("--list", "--broken");
  expect({ stdout, code }).toEqual({ stdout: "s: good (protocol 4.3)\ns: bad one (protocol 4.3)\n", code: 0 });
});

test("--help lists the command's own options and those of all", async () => {
  const { stdout, code } = await run("--help");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: spanloom-conformance fake/);
  expect(stdout).toContain("--broken");
  expect(stdout).toContain("--known-failures");
});

describe("what cannot be run exits with 2 and says why", () => {
  test.each([
    [["--nonsense"], "cannot read the options: "],
    [["--suites", "/nowhere"], 'cannot read suites: there is no folder "/nowhere"'],
    [["--suite", "t"], 'cannot find the suite "t": there are s'],
    [["--case", "nothing"], "cannot find a case whose name contains"],
    [["--broken"], "cannot test it: it is broken"],
    [["--patience", "none"], 'cannot use --patience "none"'],
    [["--known-failures", "/nowhere.yaml"], "cannot read the known failures: "],
  ])("%j", async (args, message) => {
    const { code, stderr } = await run(...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

test("the program names its subcommands, and refuses others", async () => {
  expect((await capturedRun("--help")).stdout).toContain("spanloom-conformance server");
  expect(await capturedRun("client")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('cannot run "client"'),
  });
  expect(await capturedRun()).toMatchObject({ code: 2 });
});

test("a reader that has seen enough ends the program without a complaint", async () => {
  const program = path.join(import.meta.dirname, "../bin/spanloom-conformance.ts");
  const child = spawn(process.execPath, [program, "server", "--list"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const [complaint, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  expect([complaint, code]).toEqual(["", 0]);
});

test("a server that cannot be reached is told at once", async () => {
  const { code, stderr } = await capturedRun("server", "--url", "http://127.0.0.1:9");
  expect(stderr).toMatch(/^cannot test http:\/\/127.0.0.1:9: JobService.CountJobs failed over connect: unavailable: /);
  expect(code).toBe(2);
});

test("options of servers are checked before anything is called", async () => {
  expect((await capturedRun("server", "--url", "localhost")).stderr).toContain('cannot use --url "localhost"');
  expect((await capturedRun("server", "--protocol", "soap")).stderr).toContain('cannot use --protocol "soap"');
  expect((await capturedRun("server", "--concurrency", "0")).stderr).toContain('cannot use --concurrency "0"');
});
