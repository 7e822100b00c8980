import { Argument, Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { completionNodes } from "../completion-words.ts";
import { wantsJson } from "../server-options.ts";
import { completionText, type Shell, shells } from "../text/completion-text.ts";

/** `spanloom completion`: prints a script that makes a shell complete the command line. */
export function completionCommand(context: CliContext): Command {
  return new Command("completion")
    .description("print a script that makes a shell complete this command line")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .addHelpText("after", examples)
    .action((shell: Shell, _flags: object, command: Command) => {
      const nodes = completionNodes(command.parent ?? command);
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(nodes)}\n` : completionText(shell, nodes));
    });
}

const examples = `
Examples:
  source <(spanloom completion bash)                                  # in ~/.bashrc
  source <(spanloom completion zsh)                                   # in ~/.zshrc, after compinit
  spanloom completion fish > ~/.config/fish/completions/spanloom.fish
  spanloom completion bash --json                                     # what can be typed, for programs
`;
