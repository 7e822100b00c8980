import type { CompletionNode } from "../completion-words.ts";

/** Shells that completion is made for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** A shell that completion is made for. */
export type Shell = (typeof shells)[number];

/** A script that makes a shell complete the command line; commands without words of their own complete file names. */
export function completionText(shell: Shell, nodes: readonly CompletionNode[]): string {
  return { bash: bashText, zsh: zshText, fish: fishText }[shell](nodes);
}

/** Options of any command that take a value: the word after one is no command. */
function valued(nodes: readonly CompletionNode[]): string[] {
  const options = nodes.flatMap((node) => node.options.filter((option) => option.takesValue));
  return [...new Set(options.map(({ word }) => word))].sort();
}

/** Follows the words typed so far down the commands; the same in bash and zsh. */
function walkText(nodes: readonly CompletionNode[]): string {
  const steps = nodes.filter(({ path }) => path !== "").map(({ path }) => `"${path}") at="${path}" ;;`);
  return `    case "$word" in
      ${valued(nodes).join("|")}) skip=1; continue ;;
    esac
    case "\${at:+$at }$word" in
      ${steps.join("\n      ")}
    esac`;
}

function bashText(nodes: readonly CompletionNode[]): string {
  const cases = nodes.map(({ path, commands, options }) => {
    const names = commands.map(({ word }) => word).join(" ");
    return `    "${path}") commands="${names}"; options="${options.map(({ word }) => word).join(" ")}" ;;`;
  });
  return `# Completion of spanloom for bash. Use: source <(spanloom completion bash)
_spanloom() {
  local at="" skip="" word index commands="" options="" current="\${COMP_WORDS[COMP_CWORD]}"
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [[ -n "$skip" ]]; then skip=""; continue; fi
${walkText(nodes)}
  done
  COMPREPLY=()
  if [[ -n "$skip" ]]; then return; fi
  case "$at" in
${cases.join("\n")}
  esac
  if [[ "$current" == -* ]]; then commands="$options"; fi
  COMPREPLY=($(compgen -W "$commands" -- "$current"))
}
complete -o default -F _spanloom spanloom
`;
}

function zshText(nodes: readonly CompletionNode[]): string {
  const described = ({ word, description }: { word: string; description: string }) =>
    quoted(`${word.replaceAll(":", "\\:")}:${description}`);
  const cases = nodes.map(
    ({ path, commands, options }) =>
      `    "${path}")\n      commands=(${commands.map(described).join(" ")})\n      options=(${options.map(described).join(" ")}) ;;`,
  );
  return `#compdef spanloom
# Completion of spanloom for zsh. Use: source <(spanloom completion zsh)
_spanloom() {
  local at="" skip="" word
  local -a commands options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n "$skip" ]]; then skip=""; continue; fi
${walkText(nodes)}
  done
  if [[ -n "$skip" ]]; then _files; return; fi
  case "$at" in
${cases.join("\n")}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe option options
  elif (( \${#commands} )); then
    _describe command commands
  else
    _files
  fi
}
compdef _spanloom spanloom
`;
}

function fishText(nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap(({ path, commands, options }) => {
    const here = `-n ${quoted(`test (__spanloom_at) = "${path}"`)}`;
    return [
      ...commands.map(
        ({ word, description }) => `complete -c spanloom ${here} -f -a ${word} -d ${quoted(description)}`,
      ),
      ...options.map(({ word, description, takesValue }) => {
        return `complete -c spanloom ${here} -l ${word.slice(2)}${takesValue ? " -r" : ""} -d ${quoted(description)}`;
      }),
    ];
  });
  const paths = nodes.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  return `# Completion of spanloom for fish. Use: spanloom completion fish | source
function __spanloom_at
  set -l at ""
  set -l skip ""
  for word in (commandline -opc)[2..-1]
    if test -n "$skip"
      set skip ""
      continue
    end
    if contains -- $word ${valued(nodes).join(" ")}
      set skip 1
      continue
    end
    set -l next (string trim "$at $word")
    if contains -- $next ${paths.join(" ")}
      set at $next
    end
  end
  echo "$at"
end
${lines.join("\n")}
`;
}

/** Text that a shell takes as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
