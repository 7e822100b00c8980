import { Link } from "wouter";
import { type Column, DataTable } from "../../widgets/data-table.tsx";
import { RelativeTime } from "../../widgets/time.tsx";
import type { QueueLoad } from "./queue-load.ts";
import { type AttemptCount, perMinute, rateText } from "./throughput.ts";

interface QueueTableProps {
  loads: readonly QueueLoad[];
  /** What started lately; undefined while it is not known. */
  counts: readonly AttemptCount[] | undefined;
  nowMs: number;
}

/** The queues, a row each. */
export function QueueTable({ loads, counts, nowMs }: QueueTableProps) {
  const rate: Column<QueueLoad> = {
    name: "Per minute",
    hint: "Attempts that started, on average of the last five minutes",
    className: "number",
    cell: ({ stats }) => (counts ? rateText(perMinute(counts, nowMs, stats.queue)) : "–"),
  };
  return (
    <DataTable label="Queues" columns={[...columns, rate, oldest]} rows={loads} keyOf={({ stats }) => stats.queue} />
  );
}

const columns: readonly Column<QueueLoad>[] = [
  {
    name: "Queue",
    className: "wide",
    cell: ({ stats, stuck }) => (
      <>
        <Link className="row-link" href={`/jobs?queue=${encodeURIComponent(stats.queue)}`}>
          {stats.queue}
        </Link>{" "}
        {stuck !== undefined && <span className="row-problem">{stuck}</span>}
      </>
    ),
  },
  {
    name: "Queued",
    hint: "May be leased now",
    className: "number",
    cell: ({ stats }) => stats.queued.toLocaleString(),
  },
  {
    name: "Throttled",
    hint: "Of the queued, those that wait for a place or a window of a limit",
    className: "number",
    cell: ({ stats }) => <Quiet count={stats.throttled} />,
  },
  {
    name: "Scheduled",
    hint: "Wait for a time: a start, or another attempt",
    className: "number",
    cell: ({ stats }) => <Quiet count={stats.scheduled} />,
  },
  { name: "Running", className: "number", cell: ({ stats }) => stats.running.toLocaleString() },
  {
    name: "Capacity",
    hint: "Attempts that its runners may hold at once",
    className: "number",
    cell: ({ capacity }) => capacity.toLocaleString(),
  },
  { name: "Runners", className: "number", cell: ({ stats }) => stats.runners.toLocaleString() },
];

const oldest: Column<QueueLoad> = {
  name: "Oldest queued",
  cell: ({ stats }) => <RelativeTime at={stats.oldestQueuedAt} />,
};

/** A figure that is nothing most of the time, and does not ask to be read then. */
function Quiet({ count }: { count: bigint }) {
  return <span className={count === 0n ? "quiet" : ""}>{count.toLocaleString()}</span>;
}
