import type { CompletionNode, CompletionOption } from "../completion-words.ts";

/** Options of any command that take a value: the word after one is no command. */
export function valuedOptions(nodes: readonly CompletionNode[]): string[] {
  const options = nodes.flatMap((node) => node.options.filter((option) => option.takesValue));
  return [...new Set(options.map(({ word }) => word))].sort();
}

/** Options of a command whose values are known. */
export function listedOptions({ options }: CompletionNode): CompletionOption[] {
  return options.filter(({ values }) => values.length > 0);
}

/** Follows the words typed so far down the commands, to `at`; the same in bash and zsh. */
export function walkText(nodes: readonly CompletionNode[]): string {
  const steps = nodes.filter(({ path }) => path !== "").map(({ path }) => `"${path}") at="${path}" ;;`);
  return `    case "$word" in
      "=") skip="$option"; continue ;;
      ${valuedOptions(nodes).join("|")}) skip="$word"; option="$word"; continue ;;
      --*=*|-*) continue ;;
    esac
    case "\${at:+$at }$word" in
      ${steps.join("\n      ")}
    esac`;
}

/** Text that a shell takes as it is. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
