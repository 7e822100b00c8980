import { createClient } from "@connectrpc/connect";
import { type Runner, RunnerService, RunnerState, usFromTimestamp } from "@spanloom/protocol";
import { type Connection, callWithRetry } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { wantsJson, withConnection } from "../server-options.ts";
import { formatDuration } from "../text/duration-text.ts";
import { tableStyle, textTable } from "../text/text-table.ts";

/** What `runner list --json` prints for each runner. */
export interface RunnerRow {
  id: string;
  state: string;
  host: string;
  pid: number;
  serviceName: string;
  queues: string[];
  tasks: string[];
  capacity: number;
  running: number;
  /** ISO 8601. */
  lastSeenAt: string | null;
}

const PAGE_SIZE = 1_000;

/** States of runners, those that are no more included. */
export const anyState = [RunnerState.ACTIVE, RunnerState.DRAINING, RunnerState.STOPPED, RunnerState.LOST];

/** `spanloom runner list`: lists the runners a server knows. */
export function runnerListCommand(context: CliContext): Command {
  return new Command("list")
    .description("list runners, newest first")
    .option("--all", "those that stopped or were lost too")
    .option("--queue <queue>", "only those that serve this queue")
    .addHelpText("after", "\nExamples:\n  spanloom runner list\n  spanloom runner list --all --json\n")
    .action(async (flags: { all?: boolean }, command: Command) => {
      const states = flags.all ? anyState : [];
      // `runner` has an option of this name too, and takes it before this command sees it.
      const { queue = "" } = command.optsWithGlobals<{ queue?: string }>();
      const rows = await withConnection(command, context, (connection) => readRunners(connection, { states, queue }));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(rows)}\n` : runnersText(rows, context));
    });
}

/** The runners a server knows, newest first; without states those at work. */
export async function readRunners(
  { url, transport }: Connection,
  wanted: { states?: RunnerState[]; queue?: string } = {},
): Promise<RunnerRow[]> {
  const service = createClient(RunnerService, transport);
  const request = { ...wanted, pageSize: PAGE_SIZE };
  const answer = await callWithRetry(url, (options) => service.listRunners(request, options), { maxAttempts: 2 });
  return answer.runners.map(toRow);
}

function toRow(runner: Runner): RunnerRow {
  const { id, host, pid, serviceName, queues, identifiers, capacity, running, state, lastSeenAt } = runner;
  return {
    id,
    state: stateName(state),
    host,
    pid,
    serviceName,
    queues,
    tasks: identifiers.map(({ name, version }) => `${name}@${version || "1.0"}`),
    capacity,
    running,
    lastSeenAt: lastSeenAt ? new Date(usFromTimestamp(lastSeenAt) / 1000).toISOString() : null,
  };
}

/** A state from a newer server reads as its number. */
function stateName(state: RunnerState): string {
  return Object.entries(RunnerState).find(([, value]) => value === state)?.[0] ?? String(state);
}

/** Runners as a table for people. */
export function runnersText(rows: readonly RunnerRow[], context: CliContext): string {
  if (rows.length === 0) return "No runners. Start one with: spanloom runner tasks.ts\n";
  return textTable(
    rows,
    [
      { title: "RUNNER", value: ({ id }) => id },
      { title: "STATE", value: ({ state }) => state, state: true },
      { title: "HOST", value: ({ host, pid }) => `${host}:${pid}`, shrink: true },
      { title: "SERVICE", value: ({ serviceName }) => serviceName, shrink: true, spare: true },
      { title: "QUEUES", value: ({ queues }) => queues.join(","), shrink: true, spare: true },
      { title: "RUNNING", value: ({ running, capacity }) => `${running}/${capacity}`, right: true },
      {
        title: "SEEN",
        value: ({ lastSeenAt }) =>
          lastSeenAt ? `${formatDuration(context.nowMs() - Date.parse(lastSeenAt))} ago` : "",
        right: true,
      },
    ],
    tableStyle(context),
  );
}
