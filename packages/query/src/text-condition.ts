import type { TextCondition } from "./conditions.ts";

/**
 * A condition on a text as a person types it: contained as it is written, `=equal`, `^beginning` or `/expression/`.
 *
 * The command line and the console read texts so.
 */
export function textCondition(text: string): TextCondition {
  if (text.length > 2 && text.startsWith("/") && text.endsWith("/")) return { regex: text.slice(1, -1) };
  if (text.startsWith("=")) return { exact: text.slice(1) };
  return text.startsWith("^") ? { prefix: text.slice(1) } : { contains: text };
}
