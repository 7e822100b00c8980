import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildProgram } from "./program.ts";
import { runCli } from "./run-cli.ts";
import { capturedContext } from "./testing/captured-context.ts";
import { standalone } from "./testing/command-lines.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-examples-"));
  await writeFile(join(folder, "input.json"), "{}");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** An example of some command's help. */
interface Example {
  /** The command whose help it is in; empty for the program itself. */
  command: string;
  line: string;
}

const examples = helps(
  buildProgram(capturedContext(), () => undefined),
  "",
).flatMap(({ command, help }) => linesOf(help).map((line): Example => ({ command, line })));

function helps(command: Command, path: string): { command: string; help: string }[] {
  let help = "";
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  return [
    { command: path, help },
    ...command.commands.flatMap((child) => helps(child, `${path} ${child.name()}`.trim())),
  ];
}

function linesOf(help: string): string[] {
  const [, text = ""] = help.split("\nExamples:\n");
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("  "));
  return lines.slice(0, end === -1 ? lines.length : end).map((line) => line.trim());
}

/** Words of a line as a shell splits it, what joins commands among them as words of their own. */
function wordsOf(line: string): string[] {
  const pattern = /\s+|#.*$|(\|\||&&|>>|<\(|[|;<>()])|((?:'[^']*'|"[^"]*"|[^\s|;<>()'"])+)/g;
  return [...line.matchAll(pattern)].flatMap(([, operator, word]) => {
    if (operator) return [operator];
    return word === undefined ? [] : [word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double)];
  });
}

/** Arguments of each `spanloom` on a line. */
function invocations(line: string): string[][] {
  const found: string[][] = [];
  let current: string[] | undefined;
  const words = wordsOf(line);
  words.forEach((word, i) => {
    const before = words[i - 1];
    if (/^(\|\||&&|>>|<\(|[|;<>()])$/.test(word)) current = undefined;
    else if (current) current.push(word);
    else if (word === "spanloom" && (i === 0 || /^(\||&&|<\()$/.test(before ?? ""))) {
      current = [];
      found.push(current);
    }
  });
  return found;
}

/** The command that a program takes arguments for; nothing is done. */
async function parsed(args: readonly string[]): Promise<string> {
  const program = buildProgram(capturedContext(), () => undefined);
  let taken = "";
  const replaceActions = (command: Command, path: string): void => {
    command.action(() => {
      taken = path;
    });
    for (const child of command.commands) replaceActions(child, `${path} ${child.name()}`.trim());
  };
  for (const child of program.commands) replaceActions(child, child.name());
  await program.parseAsync([...args], { from: "user" });
  return taken;
}

test.each(examples)("$command: $line", async ({ line }) => {
  const commands = invocations(line);
  expect(commands.length).toBeGreaterThan(0);
  for (const args of commands) {
    const command = await parsed(args);
    expect(args.join(" ")).toContain(command);
    // What starts something, or waits for a debugger, is taken at its word.
    if (standalone.has(command) || args.some((arg) => arg.startsWith("--inspect"))) continue;
    const module = join(import.meta.dirname, "testing", "example-tasks.ts");
    const honeycomb = join(import.meta.dirname, "..", "..", "exporters", "honeycomb", "src", "index.ts");
    const known = args.map((arg, at) => {
      if (arg === "tasks.ts") return module;
      // Its package is one to install beside the command line, which a checkout has elsewhere.
      if (arg === "honeycomb") return honeycomb;
      if (/^@\w+\.json$/.test(arg)) return `@${join(folder, "input.json")}`;
      return ["--out", "--resume"].includes(args[at - 1] ?? "") ? join(folder, arg) : arg;
    });
    const env = { HONEYCOMB_API_KEY: "of a test" };
    const context = capturedContext({ env, nowMs: Date.now, readStdin: async () => "{}" });
    // Everything that can be known without a server is right when all that is missing is one.
    const exitCode = await runCli([...known, "--url", "http://127.0.0.1:9"], context);
    expect({ exitCode, err: context.err() }).toEqual({ exitCode: 3, err: expect.stringContaining("nothing listens") });
  }
});

test("each command's help has an example of it", () => {
  const shown = new Set(
    examples.flatMap(({ command, line }) => (line.includes(`spanloom ${command}`) ? [command] : [])),
  );
  const commands = helps(
    buildProgram(capturedContext(), () => undefined),
    "",
  );
  const without = commands.filter(({ command, help }) => !help.includes("Commands:") && !shown.has(command));
  expect(without.map(({ command }) => command)).toEqual([]);
  expect(examples.length).toBeGreaterThan(70);
});
