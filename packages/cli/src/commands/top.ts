import { setTimeout as sleep } from "node:timers/promises";
import { type Client, type Connection, connect } from "@spanloom/sdk";
import { Command } from "commander";
import { type CliContext, UsageError } from "../cli-context.ts";
import { collect } from "../collect.ts";
import { oneOf, wholeNumber } from "../flag-values.ts";
import { serverOptions, wantsJson, withClient } from "../server-options.ts";
import { parseDuration } from "../text/duration-text.ts";
import { screenText } from "../text/screen-text.ts";
import { tableWidth } from "../text/text-table.ts";
import { type RunningTask, type TopSnapshot, topLine, topText } from "../text/top-text.ts";
import { toQueueRow } from "./queue.ts";
import { readRunners } from "./runner-list.ts";

interface TopFlags {
  every: string;
  count?: number;
  once?: boolean;
  tasks: number;
  sort: TaskOrder;
}

const orders = ["age", "name", "job", "runner"] as const;

type TaskOrder = (typeof orders)[number];

/** `spanloom top`: shows queues, runners and running tasks as they change. */
export function topCommand(context: CliContext): Command {
  return new Command("top")
    .description("show queues, runners and running tasks, live, until Ctrl-C")
    .option("--every <duration>", "how often to look", "2s")
    .option("--count <n>", "look so often, then end", wholeNumber("--count", 1))
    .option("--once", "look once, and show all of it anywhere")
    .option(
      "--sort <key>",
      `order of running tasks: ${orders.join(", ")}; age is the longest first`,
      oneOf("--sort", orders),
      "age",
    )
    .option("--tasks <n>", "most running tasks to show", wholeNumber("--tasks", 1, 1_000), 20)
    .addHelpText(
      "after",
      "\nOn a terminal the screen is drawn anew each time; elsewhere each look is a line.\n\nExamples:\n  spanloom top\n  spanloom top --once --sort runner\n  spanloom top --every 10s >> load.log\n  spanloom top --once --json | jq .queues\n",
    )
    .action(async (flags: TopFlags, command: Command) => {
      const { every, once = false, count = once ? 1 : Number.POSITIVE_INFINITY, tasks, sort } = flags;
      if (once && count > 1) throw new UsageError(`cannot use --count "${count}" with --once`);
      const everyMs = parseDuration(every, "--every");
      const json = wantsJson(command);
      const connection = connect(serverOptions(command, context));
      try {
        await withClient(command, context, async (client) => {
          for (let looks = 1; ; looks++) {
            const snapshot = await look({ client, connection, tasks, context });
            snapshot.tasks.sort(byKey[sort]);
            show(snapshot, { context, json, once });
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

type Compare = (a: RunningTask, b: RunningTask) => number;

const by =
  (key: (task: RunningTask) => string): Compare =>
  (a, b) =>
    key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;

/** Those that began at the same time stay as the server told them. */
const byKey: Readonly<Record<TaskOrder, Compare>> = {
  age: by(({ since }) => since ?? "~"),
  name: by(({ name }) => name),
  job: by(({ jobId }) => jobId),
  runner: by(({ runnerId }) => runnerId),
};

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

interface ShowOptions {
  context: CliContext;
  json: boolean;
  once: boolean;
}

function show(snapshot: TopSnapshot, { context: { stdout }, json, once }: ShowOptions): void {
  if (json) stdout.write(`${JSON.stringify(snapshot)}\n`);
  else if (once) stdout.write(topText(snapshot, tableWidth(stdout)));
  else if (stdout.isTTY) stdout.write(screenText(topText(snapshot, stdout.columns), stdout));
  else stdout.write(topLine(snapshot));
}
