import type { CompletionNode } from "../completion-words.ts";
import { bashText } from "./completion-bash.ts";
import { fishText } from "./completion-fish.ts";
import { zshText } from "./completion-zsh.ts";

/** Shells that completion is made for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** A shell that completion is made for. */
export type Shell = (typeof shells)[number];

/**
 * A script that makes a shell complete the command line: commands, options, their values, and names that the server has.
 * Where none of these fits it completes names of files.
 *
 * What a server names is text of others: no shell expands it, and each quotes what it puts into the line.
 */
export function completionText(shell: Shell, nodes: readonly CompletionNode[]): string {
  return { bash: bashText, zsh: zshText, fish: fishText }[shell](nodes);
}
