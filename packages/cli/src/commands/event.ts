import type { EventConditions, EventSnapshot, EventSourceName } from "@spanloom/sdk";
import { Command } from "commander";
import { type CliContext, UsageError } from "../cli-context.ts";
import { collect } from "../collect.ts";
import { addEventOptions, type EventFlags, eventOf } from "../event-flags.ts";
import { instant, oneOfList, wholeNumber } from "../flag-values.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { firingsText } from "../text/firing-text.ts";
import { oneLine, type TableStyle, tableStyle, textTable } from "../text/text-table.ts";

/** `spanloom event`: publishes and shows events. */
export function eventCommand(context: CliContext): Command {
  const command = new Command("event").description("publish and show events, which triggers take");
  for (const make of [publishCommand, listCommand, getCommand, replayCommand]) command.addCommand(make(context));
  return command;
}

interface PublishFlags extends EventFlags {
  id?: string;
}

function publishCommand(context: CliContext): Command {
  const command = new Command("publish")
    .description("publish an event; prints its id")
    .argument("<key>", "what happened, e.g. order.paid");
  return addEventOptions(command)
    .option("--id <id>", "an id that is there already is not published again (default: a random one)")
    .addHelpText("after", '\nExamples:\n  spanloom event publish order.paid --payload \'{"id":7,"amount":120}\'\n')
    .action(async (key: string, { id, ...flags }: PublishFlags) => {
      const { payload, ...event } = await eventOf(key, flags, context);
      const options = { ...(id !== undefined && { id }), ...(event.metadata && { metadata: event.metadata }) };
      const published = await withClient(command, context, (client) => client.events.publish(key, payload, options));
      context.stdout.write(`${wantsJson(command) ? JSON.stringify({ id: published }) : published}\n`);
    });
}

interface ConditionFlags {
  key?: string;
  receivedAfter?: Date;
  receivedBefore?: Date;
  source?: EventSourceName[];
  webhook?: string;
}

const sources: readonly EventSourceName[] = ["PUBLISHED", "WEBHOOK", "JOB", "REPLAY"];

function withConditions(command: Command): Command {
  return command
    .option("--key <pattern>", "keys, * for one segment, ** for one or more")
    .option("--received-after <time>", "at or after, ISO 8601", instant("--received-after"))
    .option("--received-before <time>", "before, ISO 8601", instant("--received-before"))
    .option(
      "--source <sources>",
      `any of these, separated by commas: ${sources.join(", ")}`,
      oneOfList("--source", sources),
    )
    .option("--webhook <name>", "that came by this webhook");
}

function conditionsOf({ key, receivedAfter, receivedBefore, source, webhook }: ConditionFlags): EventConditions {
  return {
    ...(key !== undefined && { key }),
    ...(receivedAfter && { receivedAfter }),
    ...(receivedBefore && { receivedBefore }),
    ...(source && { sources: source }),
    ...(webhook !== undefined && { webhook }),
  };
}

function listCommand(context: CliContext): Command {
  return withConditions(new Command("list").description("list events, newest first"))
    .option("--limit <n>", "most to list", wholeNumber("--limit", 1), 20)
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom event list --key 'order.**'\n  spanloom event list --source webhook\n",
    )
    .action(async (flags: ConditionFlags & { limit: number }, command: Command) => {
      const wanted = { ...conditionsOf(flags), limit: flags.limit };
      const events = await withClient(command, context, (client) => collect(client.events.list(wanted)));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(events)}\n` : listText(events, tableStyle(context)));
    });
}

function getCommand(context: CliContext): Command {
  return new Command("get")
    .description("show an event and what it fired")
    .argument("<id>", "id of the event")
    .addHelpText("after", "\nExamples:\n  spanloom event get order-7-paid --json\n")
    .action(async (id: string, _flags: object, command: Command) => {
      const event = await withClient(command, context, (client) => client.events.get(id));
      const style = tableStyle(context);
      const firings = firingsText(event.firings ?? [], style);
      const text = `${listText([event], style)}${oneLine(JSON.stringify(event.payload))}\n${firings}`;
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(event)}\n` : text);
    });
}

function replayCommand(context: CliContext): Command {
  return withConditions(new Command("replay").description("publish kept events again, by id or by conditions"))
    .argument("[ids...]", "ids of events")
    .option("--trigger <name>", "only this trigger sees them again")
    .option("--max <n>", "refuse when there are more (default: 1000)", wholeNumber("--max", 1, 100_000))
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom event replay order-7-paid\n  spanloom event replay --key 'order.*'\n",
    )
    .action(async (ids: string[], flags: ConditionFlags & { trigger?: string; max?: number }, command: Command) => {
      const conditions = conditionsOf(flags);
      if (ids.length > 0 === Object.keys(conditions).length > 0)
        throw new UsageError("cannot replay events: either ids or conditions must be given");
      const { trigger, max } = flags;
      const options = { ...(trigger !== undefined && { trigger }), ...(max !== undefined && { maxEvents: max }) };
      const replayed = await withClient(command, context, (client) =>
        client.events.replay(ids.length > 0 ? ids : conditions, options),
      );
      const text = `${replayed.length} published again.\n`;
      context.stdout.write(wantsJson(command) ? `${JSON.stringify({ ids: replayed })}\n` : text);
    });
}

function listText(events: readonly EventSnapshot[], style: TableStyle): string {
  if (events.length === 0) return "No events.\n";
  return textTable(
    events,
    [
      { title: "EVENT", value: ({ id }) => id },
      { title: "KEY", value: ({ key }) => key, shrink: true },
      { title: "SOURCE", value: ({ source, webhook }) => (webhook ? `${source} ${webhook}` : source), shrink: true },
      { title: "RECEIVED", value: ({ receivedAt }) => receivedAt.toISOString(), spare: true },
      { title: "MATCHED", value: ({ matched }) => (matched ? "yes" : "") },
    ],
    style,
  );
}
