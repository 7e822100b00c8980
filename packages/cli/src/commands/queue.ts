import type { QueueSnapshot } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { formatDuration } from "../text/duration-text.ts";
import { tableWidth, textTable } from "../text/text-table.ts";

/** What `queue list --json` prints for each queue. */
export interface QueueRow extends Omit<QueueSnapshot, "oldestQueuedAt"> {
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
      const rows = await withClient(command, context, async ({ jobs }) =>
        (await jobs.queues(...queues)).map(toQueueRow),
      );
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(rows)}\n` : listText(rows, context));
    });
  return new Command("queue").description("show what waits").addCommand(list);
}

/** Statistics as they are printed. */
export function toQueueRow({ oldestQueuedAt, ...row }: QueueSnapshot): QueueRow {
  return { ...row, oldestQueuedAt: oldestQueuedAt?.toISOString() ?? null };
}

function listText(rows: readonly QueueRow[], { stdout, nowMs }: CliContext): string {
  if (rows.length === 0) return "No queues.\n";
  return textTable(
    rows,
    [
      { title: "QUEUE", value: ({ queue }) => queue, shrink: true },
      { title: "QUEUED", value: ({ queued }) => queued, right: true },
      { title: "THROTTLED", value: ({ throttled }) => throttled, right: true },
      { title: "SCHEDULED", value: ({ scheduled }) => scheduled, right: true },
      { title: "RUNNING", value: ({ running }) => running, right: true },
      { title: "RUNNERS", value: ({ runners }) => runners, right: true },
      {
        title: "OLDEST WAITS",
        value: ({ oldestQueuedAt }) => (oldestQueuedAt ? formatDuration(nowMs() - Date.parse(oldestQueuedAt)) : ""),
        right: true,
      },
    ],
    tableWidth(stdout),
  );
}
