import type { Argument, Command, Option } from "commander";
import type { KnownValues } from "./flag-values.ts";

/** What a server can be asked for while a command line is typed. */
export const completedKinds = ["jobs", "runners", "queues", "schedules", "triggers", "webhooks", "tasks"] as const;

/** What a server can be asked for while a command line is typed; of tasks the names that runners have. */
export type CompletedKind = (typeof completedKinds)[number];

/** What may follow on a command line once a command has been named. */
export interface CompletionNode {
  /** Names that lead here, separated by blanks; empty for the program itself. */
  path: string;
  /** Commands below it. */
  commands: readonly CompletionWord[];
  /** Its options, those of every command included. */
  options: readonly CompletionOption[];
  /** What its arguments name; empty for anything else, files among them. */
  argument: CompletedKind | "";
}

/** A word that can be completed. */
export interface CompletionWord {
  word: string;
  description: string;
}

/** An option that can be completed. */
export interface CompletionOption extends CompletionWord {
  /** Whether the next word is its value. */
  takesValue: boolean;
  /** What its value may be; empty when it may be anything. */
  values: readonly string[];
  /** Whether values may be several, with commas between. */
  isList: boolean;
}

/** Everything that can be typed, by the commands that there are; the program itself is first. */
export function completionNodes(program: Command): CompletionNode[] {
  const help = { word: "--help", description: "display help", takesValue: false, values: [], isList: false };
  const common = [...optionsOf(program), help];
  const visit = (command: Command, path: string): CompletionNode[] => [
    {
      path,
      commands: command.commands.map((child) => ({ word: child.name(), description: child.description() })),
      options: command === program ? common : [...optionsOf(command), ...common],
      argument: argumentOf(path, command.registeredArguments),
    },
    ...command.commands.flatMap((child) => visit(child, `${path} ${child.name()}`.trim())),
  ];
  return visit(program, "");
}

function optionsOf(command: Command): CompletionOption[] {
  return command.options.map((option) => {
    const { long, description, required, optional } = option;
    return { word: long ?? "", description, takesValue: required || optional, ...knownValues(option) };
  });
}

function knownValues({ parseArg, argChoices }: Option): KnownValues {
  const { values = argChoices ?? [], isList = false } = (parseArg ?? {}) as Partial<KnownValues>;
  return { values, isList };
}

const kindsByArgument: Readonly<Record<string, CompletedKind>> = {
  job: "jobs",
  jobs: "jobs",
  base: "jobs",
  runners: "runners",
  queues: "queues",
};

const kindsByPath: Readonly<Record<string, CompletedKind>> = {
  "job submit": "tasks",
  schedule: "schedules",
  trigger: "triggers",
  webhook: "webhooks",
};

/** What the first argument names. */
function argumentOf(path: string, [first]: readonly Argument[]): CompletedKind | "" {
  const [group = "", verb] = path.split(" ");
  if (!first) return "";
  // What is put may be new, and has a name that nobody knows.
  const named = first.name() === "name" && verb !== "put" ? kindsByPath[group] : undefined;
  return kindsByPath[path] ?? named ?? kindsByArgument[first.name()] ?? "";
}
