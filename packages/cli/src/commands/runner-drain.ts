import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { RunnerService } from "@spanloom/protocol";
import { type Connection, callWithRetry } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { ProgressLine } from "../progress-line.ts";
import { wantsJson, withConnection } from "../server-options.ts";
import { anyState, type RunnerRow, readRunners, runnersText } from "./runner-list.ts";

/** How often a runner that finishes its work is looked at. */
const LOOK_MS = 500;

/** `spanloom runner drain`: lets runners finish what they have and end. */
export function runnerDrainCommand(context: CliContext): Command {
  return new Command("drain")
    .description("hand runners no more tasks: they finish what they have, and end")
    .argument("<runners...>", "ids of runners")
    .option("--wait", "wait until they have ended")
    .addHelpText(
      "after",
      "\nA runner learns of it at once. Start others first if work must not wait.\n\nExamples:\n  spanloom runner drain 0190...\n  spanloom runner drain 0190... 0191... --wait && reboot\n  spanloom runner list --json | jq -r '.[].id' | xargs spanloom runner drain --wait\n",
    )
    .action(async (ids: string[], { wait }: { wait?: boolean }, command: Command) => {
      const rows = await withConnection(command, context, async (connection) => {
        await drain(connection, ids);
        return wait ? untilEnded(connection, ids, context) : runnersOf(connection, ids);
      });
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(rows)}\n` : runnersText(rows, context));
    });
}

async function drain({ url, transport }: Connection, ids: readonly string[]): Promise<void> {
  const service = createClient(RunnerService, transport);
  for (const runnerId of ids)
    await callWithRetry(url, (options) => service.drainRunner({ runnerId }, options), { maxAttempts: 2 });
}

async function runnersOf(connection: Connection, ids: readonly string[]): Promise<RunnerRow[]> {
  const rows = await readRunners(connection, { states: anyState });
  return rows.filter(({ id }) => ids.includes(id));
}

async function untilEnded(connection: Connection, ids: readonly string[], context: CliContext): Promise<RunnerRow[]> {
  const line = new ProgressLine(context);
  try {
    for (;;) {
      const rows = await runnersOf(connection, ids);
      const left = rows.filter(({ state }) => state === "ACTIVE" || state === "DRAINING");
      if (left.length === 0) return rows;
      const tasks = left.reduce((sum, { running }) => sum + running, 0);
      line.show(`${left.length} of ${ids.length} runners still have ${tasks} tasks`);
      await sleep(LOOK_MS, undefined, { signal: context.signal });
    }
  } finally {
    line.end();
  }
}
