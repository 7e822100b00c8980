import { setTimeout as sleep } from "node:timers/promises";
import { type Client, type Connection, connect } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { collect } from "../collect.ts";
import { wholeNumber } from "../flag-values.ts";
import { serverOptions, wantsJson, withClient } from "../server-options.ts";
import { parseDuration } from "../text/duration-text.ts";
import { screenText } from "../text/screen-text.ts";
import { type RunningTask, type TopSnapshot, topLine, topText } from "../text/top-text.ts";
import { toQueueRow } from "./queue.ts";
import { readRunners } from "./runner-list.ts";

interface TopFlags {
  every: string;
  count?: number;
  tasks: number;
}

/** `spanloom top`: shows queues, runners and running tasks as they change. */
export function topCommand(context: CliContext): Command {
  return new Command("top")
    .description("show queues, runners and running tasks, live, until Ctrl-C")
    .option("--every <duration>", "how often to look", "2s")
    .option("--count <n>", "look so often, then end", wholeNumber("--count", 1))
    .option("--tasks <n>", "most running tasks to show", wholeNumber("--tasks", 1, 1_000), 20)
    .addHelpText(
      "after",
      "\nOn a terminal the screen is drawn anew each time; elsewhere each look is a line.\n\nExamples:\n  spanloom top\n  spanloom top --every 10s >> load.log\n  spanloom top --count 1 --json | jq .queues\n",
    )
    .action(async ({ every, count = Number.POSITIVE_INFINITY, tasks }: TopFlags, command: Command) => {
      const everyMs = parseDuration(every, "--every");
      const json = wantsJson(command);
      const connection = connect(serverOptions(command, context));
      try {
        await withClient(command, context, async (client) => {
          for (let looks = 1; ; looks++) {
            show(await look({ client, connection, tasks, context }), context, json);
            if (looks >= count) return;
            await sleep(everyMs, undefined, { signal: context.signal });
          }
        });
      } catch (error) {
        // Ctrl-C is how one leaves, also in the midst of a look.
        if (!context.signal.aborted) throw error;
      } finally {
        connection.close();
      }
    });
}

interface Look {
  client: Client;
  connection: Connection;
  tasks: number;
  context: CliContext;
}

async function look({ client, connection, tasks, context }: Look): Promise<TopSnapshot> {
  const [queues, runners, running] = await Promise.all([
    client.jobs.queues(),
    readRunners(connection),
    runningTasks(client, tasks),
  ]);
  return { at: new Date(context.nowMs()).toISOString(), queues: queues.map(toQueueRow), runners, tasks: running };
}

/** Tasks of the newest jobs first; one call for each job until there are enough. */
async function runningTasks(client: Client, limit: number): Promise<RunningTask[]> {
  const found: RunningTask[] = [];
  for await (const job of client.jobs.list({ states: ["RUNNING"], limit })) {
    const tasks = await collect(client.jobs.tasks(job.id, { states: ["RUNNING"], limit: limit - found.length }));
    for (const { id, jobId, name, display, startedAt, attempts } of tasks) {
      const attempt = attempts.at(-1);
      const since = attempt?.startedAt ?? startedAt;
      found.push({ id, jobId, name, display, runnerId: attempt?.runnerId ?? "", since: since?.toISOString() ?? null });
    }
    if (found.length >= limit) break;
  }
  return found;
}

function show(snapshot: TopSnapshot, { stdout }: CliContext, json: boolean): void {
  if (json) stdout.write(`${JSON.stringify(snapshot)}\n`);
  else if (stdout.isTTY) stdout.write(screenText(topText(snapshot, stdout.columns), stdout));
  else stdout.write(topLine(snapshot));
}
