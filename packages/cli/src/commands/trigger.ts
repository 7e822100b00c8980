import type { TriggerSnapshot } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { collectTag, wholeNumber } from "../flag-values.ts";
import { namedTask } from "../named-task.ts";
import type { Exit } from "../program.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { factsText } from "../text/facts-text.ts";
import { lastText } from "../text/firing-text.ts";
import { type TableStyle, textTable } from "../text/text-table.ts";
import { type Definitions, definitionCommands } from "./definition-commands.ts";
import { triggerTestCommand } from "./trigger-test.ts";

const triggers: Definitions<TriggerSnapshot> = {
  kind: "trigger",
  of: (client) => client.triggers,
  text: triggerText,
  listText,
};

/** `spanloom trigger`: makes, shows and steers triggers. */
export function triggerCommand(context: CliContext, exit: Exit): Command {
  const command = new Command("trigger").description("submit jobs for events: make, show and steer triggers");
  for (const one of [putCommand(context), ...definitionCommands(triggers, context)]) command.addCommand(one);
  return command.addCommand(triggerTestCommand(context, exit));
}

interface PutFlags {
  on: string;
  when?: string;
  input?: string;
  tag?: Record<string, string>;
  queue?: string;
  maxAttempts?: number;
  taskVersion: string;
  child?: boolean;
  paused?: boolean;
}

function putCommand(context: CliContext): Command {
  return new Command("put")
    .description("make a trigger that submits one task, or change the one of that name")
    .argument("<name>", "name of the trigger")
    .argument("<task>", "name of the task")
    .requiredOption("--on <pattern>", "keys of events, * for one segment, ** for one or more")
    .option("--when <expression>", "condition over event, in CEL")
    .option("-i, --input <expression>", "the task's input as an expression over event (default: the payload)")
    .option("--tag <key=value>", "tag of its jobs, may be repeated", collectTag)
    .option("--queue <queue>", "queue of its jobs")
    .option("--max-attempts <n>", "attempts of the task in all (default: 1)", wholeNumber("--max-attempts", 1, 1000))
    .option("--task-version <version>", "major.minor of the task", "1.0")
    .option("--child", "its jobs are children of the publisher's span (default: they link to it)")
    .option("--paused", "make it so that it does not fire")
    .addHelpText("after", putExamples)
    .action(async (name: string, taskName: string, flags: PutFlags, command: Command) => {
      const { on, when, input, tag, queue, maxAttempts, taskVersion, child, paused } = flags;
      const put = await withClient(command, context, (client) =>
        client.triggers.put({
          name,
          on,
          task: namedTask(taskName, { version: taskVersion }),
          ...(when !== undefined && { when }),
          ...(input !== undefined && { input }),
          ...(tag && { tags: tag }),
          ...(queue !== undefined && { queue }),
          ...(maxAttempts !== undefined && { retry: { maxAttempts } }),
          ...(child && { traceMode: "child" }),
          ...(paused && { paused }),
        }),
      );
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(put)}\n` : triggerText(put.trigger));
    });
}

const putExamples = `
Examples:
  spanloom trigger put ship ship-order --on 'order.paid' --when 'event.payload.amount > 100'
  spanloom trigger put alarm notify --on spanloom.job.failed --input '{"text": event.payload.name + " failed"}'
`;

function triggerText(trigger: TriggerSnapshot): string {
  const { lastFiring, lastError } = trigger;
  return factsText([
    ["trigger", trigger.name],
    ["on", trigger.on],
    ["when", trigger.when ?? ""],
    ["submits", trigger.job.tasks.map(({ name }) => name).join(", ")],
    ["input", trigger.input ?? ""],
    ["paused", trigger.paused ? `yes ${trigger.pauseReason ?? ""}` : ""],
    [
      "last",
      lastFiring
        ? `${lastFiring.outcome} ${lastFiring.eventId ?? ""} ${lastFiring.jobId ?? ""} ${lastFiring.jobState ?? ""}`
        : "",
    ],
    ["error", lastError?.message ?? ""],
  ]);
}

function listText(found: readonly TriggerSnapshot[], style: TableStyle): string {
  if (found.length === 0) return "No triggers.\n";
  return textTable(
    found,
    [
      { title: "TRIGGER", value: ({ name }) => name },
      { title: "ON", value: ({ on }) => on, shrink: true },
      { title: "WHEN", value: ({ when = "" }) => when, shrink: true, spare: true },
      { title: "SUBMITS", value: ({ job }) => job.name, shrink: true, spare: true },
      { title: "PAUSED", value: ({ paused }) => (paused ? "yes" : "") },
      { title: "LAST", value: ({ lastFiring }) => lastText(lastFiring), state: true },
      { title: "ERROR", value: ({ lastError }) => lastError?.message ?? "", shrink: true },
    ],
    style,
  );
}
