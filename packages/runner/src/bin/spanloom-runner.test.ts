import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client, task } from "@spanloom/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadTasks } from "../load-tasks.ts";
import { parseArguments } from "./parse-arguments.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-bin-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Source of a module that exports tasks; the SDK is named by its path, as the folder has no node_modules. */
const sdk = import.meta.resolve("@spanloom/sdk");
const moduleOf = (code: string): string => `import { task } from ${JSON.stringify(sdk)};\n${code}`;
/** A definition that only names a task. */
const named = (taskName: string) => task({ name: taskName, run: (): unknown => undefined });
const write = (name: string, code: string): Promise<void> => writeFile(join(folder, name), code);

describe("modules", () => {
  it("give every task they export, by whatever name, once", async () => {
    await write(
      "a.ts",
      moduleOf(`
        export const one = task({ name: "one", run: () => 1 });
        export default task({ name: "two", run: (): number => 2 });
        export const list = [task({ name: "three", run: () => 3 }), one];
        export const other = 42;`),
    );
    const tasks = await loadTasks(["a.ts", "./a.ts"], folder);
    expect(tasks.map(({ name }) => name).sort()).toEqual(["one", "three", "two"]);
  });

  it.each([
    ["is missing", undefined, 'cannot load "x.ts": no such file'],
    ["throws", 'throw new Error("broken module");', 'cannot load "x.ts": Error: broken module'],
    ["imports what is not there", 'import "./nope.ts";', 'cannot load "x.ts": Error'],
    [
      "says its place once",
      'throw new Error("see http://host/path");',
      /^cannot load "x.ts": Error: see http:\/\/host\/path \(at .*x\.ts:1:\d+\)$/,
    ],
    ["exports no task", "export const x = 1;", 'cannot use "x.ts": it exports no task'],
  ])("say so when one %s", async (_, code, message) => {
    if (code !== undefined) await write("x.ts", code);
    await expect(loadTasks(["x.ts"], folder)).rejects.toThrow(message);
  });
});

describe("arguments", () => {
  it("beat the environment, which beats defaults", () => {
    const env = { SPANLOOM_URL: "http://env:1", SPANLOOM_TOKEN: "t", SPANLOOM_DATA_DIR: "/data" };
    expect(parseArguments(["a.ts"], env)).toMatchObject({
      url: "http://env:1",
      token: "t",
      dataDir: "/data",
      port: 7171,
    });
    expect(
      parseArguments(["a.ts", "--url", "http://flag:1", "--queue", "x,y", "--concurrency", "3"], env),
    ).toMatchObject({
      modules: ["a.ts"],
      url: "http://flag:1",
      queues: ["x", "y"],
      concurrency: 3,
    });
    expect(parseArguments(["a.ts"], {})).toMatchObject({ url: undefined, dataDir: "./.spanloom" });
  });

  it.each([
    [["a.ts", "--concurency", "3"], "Unknown option '--concurency'"],
    [["a.ts", "--concurrency", "many"], '--concurrency is "many", must be a whole number in 1..10000'],
    [["a.ts", "--port", "70000"], '--port is "70000", must be a whole number in 0..65535'],
    [["a.ts", "--queue", "a,,b"], '--queue is "a,,b", must be names separated by commas'],
    [[], "no module given"],
  ])("are refused when they make no sense: %j", (argv, message) => {
    expect(() => parseArguments(argv, {})).toThrow(message);
  });
});

describe("the program", () => {
  const program = join(import.meta.dirname, "spanloom-runner.ts");
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [program, ...args], { cwd: folder, env: { PATH: process.env.PATH } });

  it("explains itself", async () => {
    const { stdout } = await run("--help");
    for (const flag of ["--url", "--queue", "--concurrency", "--data-dir", "SPANLOOM_URL"])
      expect(stdout).toContain(flag);
  });

  it("exits with 2 for a mistake on the command line, and names it without a stack", async () => {
    await expect(run("tasks.ts", "--wrong")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^spanloom-runner: Unknown option '--wrong'[^\n]*\nTry --help\.\n$/),
    });
    await write("bad.ts", "export const = 1;");
    await expect(run("bad.ts", "--url", "http://127.0.0.1:9")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^spanloom-runner: cannot load "bad.ts": SyntaxError: [^\n]*bad\.ts/),
    });
  });

  it("survives what tasks leave uncaught, runs the next, and says what stopped it", async () => {
    const code = `
      export const rejects = task({ name: "rejects", run: async () => { Promise.reject(new Error("stray rejection")); await new Promise(() => {}); } });
      export const throws = task({ name: "throws", run: async () => { setTimeout(() => { throw new Error("stray throw"); }); await new Promise(() => {}); } });
      export const fine = task({ name: "fine", run: () => "fine" });
      process.once("SIGUSR2", () => { throw new Error("of no task"); });`;
    await write("tasks.ts", moduleOf(code));
    const child = spawn(process.execPath, [program, "tasks.ts", "--port", "0"], { cwd: folder });
    let [out, err] = ["", ""];
    const ready = Promise.withResolvers<void>();
    child.stdout.on("data", (text: Buffer) => {
      out += text;
    });
    child.stderr.on("data", (text: Buffer) => {
      err += text;
      if (/is ready/.test(err)) ready.resolve();
    });
    const exited = once(child, "exit");
    await Promise.race([ready.promise, exited]);
    using client = new Client({ url: /http:\S+\d/.exec(out)![0] });
    const failureOf = async (name: string) => (await (await client.jobs.submit(named(name))).wait()).failure?.message;
    expect(await failureOf("rejects")).toBe("stray rejection");
    expect(await failureOf("throws")).toBe("stray throw");
    expect(await (await client.jobs.submit(named("fine"))).result()).toBe("fine");
    child.kill("SIGUSR2");
    expect(await exited).toEqual([1, null]);
    expect(err).toContain("an error nobody caught, of no task; stopping: Error: of no task");
  });

  it("exits with 1 for tasks that cannot be told apart", async () => {
    const twice = `export const a = task({ name: "same", run: () => 1 }); export const b = task({ name: "same", run: () => 2 });`;
    await write("tasks.ts", moduleOf(twice));
    await expect(run("tasks.ts", "--url", "http://127.0.0.1:9")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('two tasks are named "same" with major version 1'),
    });
  });
});
