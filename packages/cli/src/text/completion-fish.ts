import type { CompletionNode, CompletionOption } from "../completion-words.ts";
import { quoted, valuedOptions } from "./completion-walk.ts";

/** Completion for fish. */
export function fishText(nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap(({ path, commands, options, argument }) => {
    const here = `-n ${quoted(`test (__spanloom_at) = "${path}"`)}`;
    return [
      ...commands.map(
        ({ word, description }) => `complete -c spanloom ${here} -f -a ${word} -d ${quoted(description)}`,
      ),
      ...(argument === "" ? [] : [`complete -c spanloom ${here} -k -f -a '(__spanloom_names ${argument})'`]),
      ...options.map((option) => `complete -c spanloom ${here} ${optionText(option)}`),
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
    if contains -- $word ${valuedOptions(nodes).join(" ")}
      set skip 1
      continue
    end
    if string match -q -- "-*" $word
      continue
    end
    set -l next (string trim "$at $word")
    if contains -- $next ${paths.join(" ")}
      set at $next
    end
  end
  echo "$at"
end
function __spanloom_names
  spanloom completion --names $argv 2>/dev/null
end
function __spanloom_list
  set -l before (string match -r -- '^.*,' (string replace -r -- '^--[^=]*=' '' (commandline -ct)))
  for value in $argv
    echo "$before$value"
  end
end
${lines.join("\n")}
`;
}

function optionText({ word, description, takesValue, values, isList }: CompletionOption): string {
  const name = `-l ${word.slice(2)} -d ${quoted(description)}`;
  if (!takesValue) return name;
  if (values.length === 0) return `${name} -r`;
  const words = values.join(" ");
  return `${name} -x -a ${quoted(isList ? `(__spanloom_list ${words})` : words)}`;
}
