import { Argument, Command, Option } from "commander";
import { type CliContext, UsageError } from "../cli-context.ts";
import { type CompletedKind, completedKinds, completionNodes } from "../completion-words.ts";
import { readNames } from "../read-names.ts";
import { serverOptions, wantsJson } from "../server-options.ts";
import { completionText, type Shell, shells } from "../text/completion-text.ts";
import { oneLine } from "../text/text-table.ts";

interface CompletionFlags {
  names?: CompletedKind;
}

/** `spanloom completion`: prints a script that makes a shell complete the command line. */
export function completionCommand(context: CliContext): Command {
  return new Command("completion")
    .description("print a script that makes a shell complete this command line")
    .addArgument(new Argument("[shell]", "the shell").choices(shells))
    .addOption(
      new Option("--names <kind>", "print names that the server has instead, as the scripts do").choices(
        completedKinds,
      ),
    )
    .addHelpText("after", examples)
    .action(async (shell: Shell | undefined, { names }: CompletionFlags, command: Command) => {
      if (names) return printNames(names, command, context);
      if (!shell) throw new UsageError(`cannot print a script for no shell: name one of ${shells.join(", ")}`);
      const nodes = completionNodes(command.parent ?? command);
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(nodes)}\n` : completionText(shell, nodes));
    });
}

async function printNames(kind: CompletedKind, command: Command, context: CliContext): Promise<void> {
  const words = await readNames(kind, serverOptions(command, context));
  if (wantsJson(command)) context.stdout.write(`${JSON.stringify(words)}\n`);
  else for (const { word, description } of words) context.stdout.write(`${oneLine(word)}\t${oneLine(description)}\n`);
}

const examples = `
Values of options are completed, and what the server of SPANLOOM_URL has: ids of jobs and runners, names of tasks, queues,
schedules, triggers and webhooks.

Examples:
  source <(spanloom completion bash)                                  # in ~/.bashrc
  source <(spanloom completion zsh)                                   # in ~/.zshrc, after compinit
  spanloom completion fish > ~/.config/fish/completions/spanloom.fish
  spanloom completion bash --json                                     # what can be typed, for programs
  spanloom completion --names jobs
`;
