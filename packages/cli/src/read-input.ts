import { readFile } from "node:fs/promises";
import { type CliContext, UsageError } from "./cli-context.ts";

/**
 * Reads a JSON value given as text, as `@file`, or as `-` for the standard input; undefined when none is given.
 *
 * Errors: UsageError when it cannot be read or is not JSON.
 */
export async function readInput(text: string | undefined, context: CliContext, flag = "--input"): Promise<unknown> {
  if (text === undefined) return undefined;
  const json = await readText(text, context, flag);
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw new UsageError(`cannot read ${flag} ${quote(json)}: ${(error as Error).message}`);
  }
}

/** Reads a text given as it is, as `@file`, or as `-` for the standard input. Errors: UsageError when it cannot be read. */
export async function readText(text: string, context: CliContext, flag: string): Promise<string> {
  if (text === "-") return context.readStdin();
  if (!text.startsWith("@")) return text;
  try {
    return await readFile(text.slice(1), "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${flag} "${text}": ${(error as Error).message}`);
  }
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
