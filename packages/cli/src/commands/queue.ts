import { createClient } from "@connectrpc/connect";
import { JobService, usFromTimestamp } from "@spanloom/protocol";
import { callWithRetry } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { wantsJson, withConnection } from "../server-options.ts";
import { formatDuration } from "../text/duration-text.ts";
import { textTable } from "../text/text-table.ts";

/** What `queue list --json` prints for each queue. */
export interface QueueRow {
  queue: string;
  queued: number;
  scheduled: number;
  running: number;
  runners: number;
  /** ISO 8601; null when nothing waits. */
  oldestQueuedAt: string | null;
}

/** `spanloom queue`: shows what waits. */
export function queueCommand(context: CliContext): Command {
  const list = new Command("list")
    .description("show the backlog of each queue")
    .argument("[queues...]", "only these")
    .addHelpText("after", "\nExamples:\n  spanloom queue list\n  spanloom queue list default --json\n")
    .action(async (queues: string[], _flags: object, command: Command) => {
      const rows = await withConnection(command, context, async ({ url, transport }) => {
        const service = createClient(JobService, transport);
        const answer = await callWithRetry(url, (options) => service.getQueueStats({ queues }, options), {
          maxAttempts: 2,
        });
        return answer.queues.map(toRow);
      });
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(rows)}\n` : listText(rows, context.nowMs()));
    });
  return new Command("queue").description("show what waits").addCommand(list);
}

type QueueStats = Awaited<ReturnType<ReturnType<typeof createClient<typeof JobService>>["getQueueStats"]>>["queues"][0];

function toRow({ queue, queued, scheduled, running, runners, oldestQueuedAt }: QueueStats): QueueRow {
  return {
    queue,
    queued: Number(queued),
    scheduled: Number(scheduled),
    running: Number(running),
    runners: Number(runners),
    oldestQueuedAt: oldestQueuedAt ? new Date(usFromTimestamp(oldestQueuedAt) / 1000).toISOString() : null,
  };
}

function listText(rows: readonly QueueRow[], nowMs: number): string {
  if (rows.length === 0) return "No queues.\n";
  return textTable(rows, [
    { title: "QUEUE", value: ({ queue }) => queue },
    { title: "QUEUED", value: ({ queued }) => queued, right: true },
    { title: "SCHEDULED", value: ({ scheduled }) => scheduled, right: true },
    { title: "RUNNING", value: ({ running }) => running, right: true },
    { title: "RUNNERS", value: ({ runners }) => runners, right: true },
    {
      title: "OLDEST WAITS",
      value: ({ oldestQueuedAt }) => (oldestQueuedAt ? formatDuration(nowMs - Date.parse(oldestQueuedAt)) : ""),
      right: true,
    },
  ]);
}
