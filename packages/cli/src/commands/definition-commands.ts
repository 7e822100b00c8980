import type { Client, FiringOutcomeName, FiringSnapshot, ListDefinitionsOptions } from "@spanloom/sdk";
import { Command } from "commander";
import { type CliContext, UsageError } from "../cli-context.ts";
import { collect } from "../collect.ts";
import { oneOfList, wholeNumber } from "../flag-values.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { firingsText } from "../text/firing-text.ts";
import { type TableStyle, tableStyle } from "../text/text-table.ts";

/** What schedules and triggers have in common, for commands. */
export interface Definitions<Snapshot extends { name: string; paused: boolean }> {
  /** `schedule` or `trigger`. */
  kind: string;
  /** Their calls. */
  of(client: Client): {
    get(name: string): Promise<Snapshot>;
    list(options: ListDefinitionsOptions): AsyncIterable<Snapshot>;
    pause(name: string, reason?: string): Promise<Snapshot>;
    resume(name: string): Promise<Snapshot>;
    delete(name: string): Promise<boolean>;
    firings(name: string, options: { outcomes?: FiringOutcomeName[]; limit: number }): AsyncIterable<FiringSnapshot>;
  };
  /** One of them for people. */
  text(definition: Snapshot): string;
  /** Several of them for people. */
  listText(definitions: readonly Snapshot[], style: TableStyle): string;
}

const outcomes: readonly FiringOutcomeName[] = ["SUBMITTED", "SKIPPED", "MISSED", "FAILED"];

/** The commands that schedules and triggers both have: list, get, pause, resume, delete, firings. */
export function definitionCommands<Snapshot extends { name: string; paused: boolean }>(
  definitions: Definitions<Snapshot>,
  context: CliContext,
): Command[] {
  return [listCommand, getCommand, pauseCommand, resumeCommand, deleteCommand, firingsCommand].map((make) =>
    make(definitions, context),
  );
}

type Make = <Snapshot extends { name: string; paused: boolean }>(
  definitions: Definitions<Snapshot>,
  context: CliContext,
) => Command;

const listCommand: Make = ({ kind, of, listText }, context) =>
  new Command("list")
    .description(`list ${kind}s by name`)
    .option("--prefix <text>", "only names that begin with this")
    .option("--paused", "only those that are paused")
    .option("--limit <n>", "most to list", wholeNumber("--limit", 1), 100)
    .addHelpText("after", `\nExamples:\n  spanloom ${kind} list\n  spanloom ${kind} list --paused --json\n`)
    .action(async (flags: { prefix?: string; paused?: boolean; limit: number }, command: Command) => {
      const { prefix: namePrefix = "", paused, limit } = flags;
      const wanted = { namePrefix, limit, ...(paused && { paused }) };
      const found = await withClient(command, context, (client) => collect(of(client).list(wanted)));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(found)}\n` : listText(found, tableStyle(context)));
    });

const getCommand: Make = ({ kind, of, text }, context) =>
  named("get", kind)
    .description(`show a ${kind}`)
    .addHelpText("after", `\nExamples:\n  spanloom ${kind} get nightly\n`)
    .action(async (name: string, _flags: object, command: Command) => {
      const found = await withClient(command, context, (client) => of(client).get(name));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(found)}\n` : text(found));
    });

const pauseCommand: Make = ({ kind, of, text }, context) =>
  named("pause", kind)
    .description(`stop a ${kind} from firing until it is resumed`)
    .option("--reason <text>", "why, for people")
    .addHelpText("after", `\nExamples:\n  spanloom ${kind} pause nightly --reason holidays\n`)
    .action(async (name: string, { reason }: { reason?: string }, command: Command) => {
      const found = await withClient(command, context, (client) => of(client).pause(name, reason));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(found)}\n` : text(found));
    });

const resumeCommand: Make = ({ kind, of, text }, context) =>
  named("resume", kind)
    .description(`let a ${kind} fire again`)
    .addHelpText("after", `\nExamples:\n  spanloom ${kind} resume nightly\n`)
    .action(async (name: string, _flags: object, command: Command) => {
      const found = await withClient(command, context, (client) => of(client).resume(name));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(found)}\n` : text(found));
    });

const deleteCommand: Make = ({ kind, of }, context) =>
  named("delete", kind)
    .description(`delete a ${kind}; its jobs stay`)
    .addHelpText("after", `\nExamples:\n  spanloom ${kind} delete nightly\n`)
    .action(async (name: string, _flags: object, command: Command) => {
      const deleted = await withClient(command, context, (client) => of(client).delete(name));
      const text = deleted ? "Deleted." : `There was no ${kind} of this name.`;
      context.stdout.write(`${wantsJson(command) ? JSON.stringify({ deleted }) : text}\n`);
    });

const firingsCommand: Make = ({ kind, of }, context) =>
  named("firings", kind)
    .description(`list what a ${kind} fired, newest first`)
    .option(
      "--outcome <outcomes>",
      `any of these, separated by commas: ${outcomes.join(", ")}`,
      oneOfList("--outcome", outcomes),
    )
    .option("--limit <n>", "most to list", wholeNumber("--limit", 1), 20)
    .addHelpText("after", `\nExamples:\n  spanloom ${kind} firings nightly --outcome missed,failed\n`)
    .action(async (name: string, flags: { outcome?: FiringOutcomeName[]; limit: number }, command: Command) => {
      const { outcome, limit } = flags;
      const wanted = { limit, ...(outcome && { outcomes: outcome }) };
      const firings = await withClient(command, context, (client) => collect(of(client).firings(name, wanted)));
      context.stdout.write(
        wantsJson(command) ? `${JSON.stringify(firings)}\n` : firingsText(firings, tableStyle(context)),
      );
    });

function named(command: string, kind: string): Command {
  return new Command(command).argument("<name>", `name of the ${kind}`);
}

/** The one flag of several that is given. Errors: UsageError when none is, or more. */
export function oneFlag(flags: Readonly<Record<string, unknown>>, names: readonly string[]): string {
  const given = names.filter((name) => flags[name] !== undefined);
  if (given.length === 1) return given[0]!;
  const all = names.map((name) => `--${name}`).join(", ");
  throw new UsageError(`cannot use ${given.length === 0 ? "none" : "several"} of ${all}: one must be given`);
}
