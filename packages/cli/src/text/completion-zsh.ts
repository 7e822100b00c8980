import type { CompletionNode } from "../completion-words.ts";
import { listedOptions, quoted, walkText } from "./completion-walk.ts";

/** Completion for zsh. */
export function zshText(nodes: readonly CompletionNode[]): string {
  const described = ({ word, description }: { word: string; description: string }) =>
    quoted(`${word.replaceAll(":", "\\:")}:${description}`);
  const cases = nodes.map(
    ({ path, commands, options, argument }) =>
      `    "${path}")\n      commands=(${commands.map(described).join(" ")})\n      options=(${options.map(described).join(" ")})\n      names="${argument}" ;;`,
  );
  const values = nodes.flatMap((node) =>
    listedOptions(node).map(
      ({ word, values, isList }) =>
        `    "${node.path} ${word}") values=(${values.join(" ")}); list="${isList ? 1 : ""}" ;;`,
    ),
  );
  return `#compdef spanloom
# Completion of spanloom for zsh. Use: source <(spanloom completion zsh)
_spanloom() {
  local at="" skip="" option="" word names="" list="" line
  local -a commands options values found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n "$skip" ]]; then skip=""; continue; fi
${walkText(nodes)}
  done
  case "$at" in
${cases.join("\n")}
  esac
  if [[ -z "$skip" && "$PREFIX" == --*=* ]]; then
    skip="\${PREFIX%%=*}"
    compset -P '*='
  fi
  if [[ -n "$skip" ]]; then
    case "$at $skip" in
${values.join("\n")}
    esac
    if (( ! \${#values} )); then _files; return; fi
    if [[ -n "$list" ]]; then compset -P '*,'; fi
    compadd -- "\${values[@]}"
  elif [[ "$PREFIX" == -* ]]; then
    _describe option options
  elif (( \${#commands} )); then
    _describe command commands
  elif [[ -n "$names" ]]; then
    while IFS= read -r line; do
      word="\${line%%$'\\t'*}"
      found+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
    done < <(spanloom completion --names "$names" 2>/dev/null)
    _describe -V name found
  else
    _files
  fi
}
compdef _spanloom spanloom
`;
}
