import type { TriggerTest } from "@spanloom/sdk";
import { Command } from "commander";
import { type CliContext, exitCodes } from "../cli-context.ts";
import { addEventOptions, type EventFlags, eventOf } from "../event-flags.ts";
import type { Exit } from "../program.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { factsText } from "../text/facts-text.ts";

/** `spanloom trigger test`: tells whether a trigger would fire for an event, and with what job. */
export function triggerTestCommand(context: CliContext, exit: Exit): Command {
  const command = new Command("test")
    .description("tell whether a trigger would fire for an event, and what it would submit; nothing is made")
    .argument("<name>", "name of the trigger")
    .argument("<key>", "key of the event, e.g. order.paid");
  return addEventOptions(command)
    .addHelpText("after", examples)
    .action(async (name: string, key: string, flags: EventFlags) => {
      const event = await eventOf(key, flags, context);
      const told = await withClient(command, context, (client) => client.triggers.test(name, event));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(told)}\n` : testText(told));
      exit(told.matches ? exitCodes.ok : exitCodes.failed);
    });
}

const examples = `
Exit code: 0 when it would fire, 1 when not.

Examples:
  spanloom trigger test ship order.paid --payload '{"amount":120}'
  spanloom trigger test ship order.paid --payload @event.json --json
`;

function testText({ matches, job, error }: TriggerTest): string {
  const [task] = job?.tasks ?? [];
  return factsText([
    ["fires", matches ? "yes" : "no"],
    ["error", error ?? ""],
    ["job", job?.name ?? ""],
    ["submits", (job?.tasks ?? []).map(({ name }) => name).join(", ")],
    ["input", task?.input === undefined ? "" : JSON.stringify(task.input)],
  ]);
}
