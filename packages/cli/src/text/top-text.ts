import type { QueueRow } from "../commands/queue.ts";
import type { RunnerRow } from "../commands/runner-list.ts";
import { formatDuration } from "./duration-text.ts";
import { textTable } from "./text-table.ts";

/** A task that an attempt holds. */
export interface RunningTask {
  id: string;
  jobId: string;
  name: string;
  display: string;
  runnerId: string;
  /** When its attempt began, ISO 8601. */
  since: string | null;
}

/** What `top --json` prints for each look. */
export interface TopSnapshot {
  /** ISO 8601. */
  at: string;
  queues: QueueRow[];
  runners: RunnerRow[];
  tasks: RunningTask[];
}

/** One look as one line. */
export function topLine({ at, queues, runners }: TopSnapshot): string {
  const sum = (count: (queue: QueueRow) => number) => queues.reduce((total, queue) => total + count(queue), 0);
  const capacity = runners.reduce((total, runner) => total + runner.capacity, 0);
  const queued = sum((queue) => queue.queued);
  return `${at}  ${queued} queued  ${sum((queue) => queue.running)} running  ${runners.length} runners of ${capacity}\n`;
}

/** One look as a screen so wide. */
export function topText(snapshot: TopSnapshot, columns: number): string {
  const age = (since: string | null) => (since ? formatDuration(Date.parse(snapshot.at) - Date.parse(since)) : "");
  const queues = textTable(
    snapshot.queues,
    [
      { title: "QUEUE", value: ({ queue }) => queue, shrink: true },
      { title: "QUEUED", value: ({ queued }) => queued, right: true },
      { title: "THROTTLED", value: ({ throttled }) => throttled, right: true },
      { title: "SCHEDULED", value: ({ scheduled }) => scheduled, right: true },
      { title: "RUNNING", value: ({ running }) => running, right: true },
      { title: "RUNNERS", value: ({ runners }) => runners, right: true },
      { title: "OLDEST WAITS", value: ({ oldestQueuedAt }) => age(oldestQueuedAt), right: true },
    ],
    columns,
  );
  const runners = textTable(
    snapshot.runners,
    [
      { title: "RUNNER", value: ({ id }) => id },
      { title: "STATE", value: ({ state }) => state },
      { title: "HOST", value: ({ host, pid }) => `${host}:${pid}`, shrink: true },
      { title: "RUNNING", value: ({ running, capacity }) => `${running}/${capacity}`, right: true },
    ],
    columns,
  );
  const tasks = textTable(
    snapshot.tasks,
    [
      { title: "TASK", value: ({ id }) => id },
      { title: "NAME", value: ({ name }) => name, shrink: true },
      { title: "FOR", value: ({ since }) => age(since), right: true },
      { title: "RUNNER", value: ({ runnerId }) => runnerId, spare: true },
      { title: "DISPLAY", value: ({ display }) => display, shrink: true },
    ],
    columns,
  );
  return `${topLine(snapshot)}\n${queues}\n${runners}\n${tasks}`;
}
