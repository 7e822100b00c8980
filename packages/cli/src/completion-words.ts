import type { Command } from "commander";

/** What may follow on a command line once a command has been named. */
export interface CompletionNode {
  /** Names that lead here, separated by blanks; empty for the program itself. */
  path: string;
  /** Commands below it. */
  commands: readonly CompletionWord[];
  /** Its options, those of every command included. */
  options: readonly CompletionOption[];
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
}

/** Everything that can be typed, by the commands that there are; the program itself is first. */
export function completionNodes(program: Command): CompletionNode[] {
  const common = [...optionsOf(program), { word: "--help", description: "display help", takesValue: false }];
  const visit = (command: Command, path: string): CompletionNode[] => [
    {
      path,
      commands: command.commands.map((child) => ({ word: child.name(), description: child.description() })),
      options: command === program ? common : [...optionsOf(command), ...common],
    },
    ...command.commands.flatMap((child) => visit(child, `${path} ${child.name()}`.trim())),
  ];
  return visit(program, "");
}

function optionsOf(command: Command): CompletionOption[] {
  return command.options.map(({ long, description, required, optional }) => {
    return { word: long ?? "", description, takesValue: required || optional };
  });
}
