import { SpanloomError } from "@spanloom/protocol";
import type { Attributes } from "./metric-set.ts";

/** Names that Prometheus' text gives a meaning of their own. */
const reserved = new Set(["le", "quantile", "job", "instance"]);

/**
 * Reads static tags, `team=a,env=b`, which every metric then has.
 *
 * Errors: INVALID_FIELD naming `source` when a pair has no name or value, a name is malformed, reserved or there twice.
 */
export function parseTags(source: string, text: string): Attributes {
  const tags: Record<string, string> = {};
  for (const pair of text.split(",")) {
    if (pair.trim() === "") continue;
    const [, name, value] = /^\s*([^=]*?)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    const why = name === undefined || value === "" ? "it is not a list of name=value" : problemOf(name, tags);
    if (why !== undefined)
      throw new SpanloomError("INVALID_FIELD", `cannot use ${source} "${text}": ${why}`, { field: source });
    tags[name!] = value!;
  }
  return tags;
}

function problemOf(name: string, tags: Attributes): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) return `"${name}" is not a name of letters, digits, "_", "." and "-"`;
  if (reserved.has(name)) return `"${name}" has a meaning of its own in Prometheus`;
  return Object.hasOwn(tags, name) ? `it has "${name}" twice` : undefined;
}
