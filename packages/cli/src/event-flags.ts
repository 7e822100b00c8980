import type { EventToPublish } from "@spanloom/sdk";
import type { Command } from "commander";
import type { CliContext } from "./cli-context.ts";
import { collectEntry } from "./flag-values.ts";
import { readInput } from "./read-input.ts";

/** Flags that say what an event holds. */
export interface EventFlags {
  payload?: string;
  metadata?: Record<string, string>;
}

/** Adds the options that {@link eventOf} reads. */
export function addEventOptions(command: Command): Command {
  return command
    .option("-p, --payload <json>", "what there is to say of it as JSON, @file, or - for the standard input")
    .option("--metadata <key=value>", "fact beside it, may be repeated", collectEntry("--metadata"));
}

/** An event by its key and flags. Errors: UsageError when the payload cannot be read or is not JSON. */
export async function eventOf(
  key: string,
  { payload, metadata }: EventFlags,
  context: CliContext,
): Promise<EventToPublish> {
  const value = await readInput(payload, context, "--payload");
  return { key, ...(value !== undefined && { payload: value }), ...(metadata && { metadata }) };
}
