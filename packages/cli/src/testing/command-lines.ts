import { join } from "node:path";
import type { Command } from "commander";

/** Commands that start something, or look at a server as it is: no server is asked for an answer. */
export const standalone: ReadonlySet<string> = new Set(["dev", "server", "runner", "completion", "doctor"]);

const id = "01900000-0000-7000-8000-000000000000";

/** A value for each argument that a command must have, by its name. */
const values: Readonly<Record<string, string>> = {
  job: id,
  jobs: id,
  task: id,
  base: id,
  other: id,
  id,
  runners: id,
  name: "nightly",
  key: "order.paid",
  modules: join(import.meta.dirname, "example-tasks.ts"),
};

/** A value for each option that a command must have. */
const options: Readonly<Record<string, string>> = {
  "--on": "order.*",
  "--scheme": "none",
  "--from": "2026-11-01",
  "--until": "2026-11-02",
  "--to": "http://127.0.0.1:9",
};

/** What commands ask for that no argument or option alone must have. */
const more: Readonly<Record<string, readonly string[]>> = {
  "schedule put": ["--every", "1h"],
  "event replay": [id],
  "schedule preview": ["--every", "1h"],
  completion: ["bash"],
};

/** A command and the shortest command line of it that makes sense. */
export interface CommandLine {
  command: string;
  args: string[];
}

/** The shortest command line of every command there is; one that this file knows no value for throws. */
export function commandLines(program: Command): CommandLine[] {
  const visit = (command: Command, path: readonly string[]): CommandLine[] => [
    ...(command.registeredArguments.length > 0 || command.commands.length === 0 ? [lineOf(command, path)] : []),
    ...command.commands.flatMap((child) => visit(child, [...path, child.name()])),
  ];
  return program.commands.flatMap((command) => visit(command, [command.name()]));
}

function lineOf(command: Command, path: readonly string[]): CommandLine {
  const name = path.join(" ");
  const known = (table: Readonly<Record<string, string>>, what: string): string => {
    const value = table[what];
    if (value === undefined) throw new Error(`cannot make a command line of ${name}: no value for ${what}`);
    return value;
  };
  const given = command.registeredArguments
    .filter(({ required }) => required)
    .map((each) => known(values, each.name()));
  const needed = command.options
    .filter(({ mandatory }) => mandatory)
    .flatMap(({ long = "" }) => [long, known(options, long)]);
  return { command: name, args: [...path, ...given, ...needed, ...(more[name] ?? [])] };
}
