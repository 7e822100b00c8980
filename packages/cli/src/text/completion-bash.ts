import type { CompletionNode } from "../completion-words.ts";
import { listedOptions, walkText } from "./completion-walk.ts";

/** Completion for bash. */
export function bashText(nodes: readonly CompletionNode[]): string {
  const cases = nodes.map(({ path, commands, options, argument }) => {
    const names = commands.map(({ word }) => word).join(" ");
    const flags = options.map(({ word }) => word).join(" ");
    return `    "${path}") commands="${names}"; options="${flags}"; names="${argument}" ;;`;
  });
  const values = nodes.flatMap((node) =>
    listedOptions(node).map(
      ({ word, values, isList }) =>
        `    "${node.path} ${word}") values="${values.join(" ")}"; list="${isList ? 1 : ""}" ;;`,
    ),
  );
  return `# Completion of spanloom for bash. Use: source <(spanloom completion bash)
_spanloom() {
  local at="" skip="" option="" word index commands="" options="" names="" values="" list="" before=""
  local current="\${COMP_WORDS[COMP_CWORD]}"
  # bash takes "=" for a word of its own.
  if [[ "$current" == "=" ]]; then current=""; fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [[ -n "$skip" && "$word" != "=" ]]; then skip=""; continue; fi
${walkText(nodes)}
  done
  if [[ "\${COMP_WORDS[COMP_CWORD]}" == "=" ]]; then skip="$option"; fi
  COMPREPLY=()
  case "$at" in
${cases.join("\n")}
  esac
  if [[ -n "$skip" ]]; then
    case "$at $skip" in
${values.join("\n")}
    esac
    if [[ -z "$values" ]]; then return; fi
    if [[ -n "$list" && "$current" == *,* ]]; then before="\${current%,*},"; fi
    COMPREPLY=($(compgen -P "$before" -W "$values" -- "\${current##*,}"))
  elif [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ -n "$commands" ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  elif [[ -n "$names" ]]; then
    # No compgen: it would expand what is in the names.
    while IFS=$'\\t' read -r word _; do
      if [[ "$word" == "$current"* ]]; then COMPREPLY+=("$(printf %q "$word")"); fi
    done < <(spanloom completion --names "$names" 2>/dev/null)
  fi
}
complete -o default -F _spanloom spanloom
`;
}
