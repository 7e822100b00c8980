import type { SpanColumns } from "@spanloom/query";
import type { RecordBatch } from "apache-arrow";
import { formatNs } from "./duration-text.ts";
import { oneLine } from "./text-table.ts";

/** Columns that lines are made of. */
export const endedSpanColumns = [
  "span_id",
  "name",
  "type",
  "start_time",
  "end_time",
  "duration_ns",
  "status",
  "status_message",
  "outcome",
  "attempt",
] as const;

/** Types of spans from the outside in. */
const depths = ["job", "task", "attempt", "user"];

type Row = Pick<SpanColumns, (typeof endedSpanColumns)[number]>;

/** Spans that were shown lately are not shown again: one that is received twice comes twice. */
const REMEMBERED = 10_000;

/**
 * Makes lines of spans that have ended, in the order of their end: when, what, how long, name and what went wrong.
 *
 * With `open`, of spans when they open instead.
 */
export function endedSpanLines({
  color,
  open,
}: {
  color: boolean;
  open: boolean;
}): (batch: RecordBatch<Row>) => string {
  const shown = new Set<string>();
  return (batch) => {
    const lines: { at: number; depth: number; text: string }[] = [];
    for (const row of batch) {
      const { span_id: id, end_time: end, start_time: start } = row;
      if ((end === null) !== open || shown.has(`${id} ${end}`)) continue;
      shown.add(`${id} ${end}`);
      const [oldest = ""] = shown;
      if (shown.size > REMEMBERED) shown.delete(oldest);
      const at = Number(end ?? start);
      const took = row.duration_ns === null ? "open" : formatNs(Number(row.duration_ns));
      const text = `${new Date(at).toISOString()} ${row.type.padEnd(7)} ${took.padStart(9)}  ${label(row)}`;
      lines.push({
        at,
        depth: depths.indexOf(row.type),
        text: color && row.status === "ERROR" ? `\u001b[31m${text}\u001b[0m` : text,
      });
    }
    // What ends at the same time ends from the inside out.
    lines.sort((a, b) => a.at - b.at || b.depth - a.depth);
    return lines.map(({ text }) => `${text}\n`).join("");
  };
}

function label(row: {
  name: string;
  type: string;
  attempt: number | null;
  outcome: string | null;
  status: string;
  status_message: string | null;
}): string {
  const marks = [
    oneLine(row.name) || "(no name)",
    ...(row.type === "attempt" && (row.attempt ?? 1) > 1 ? [`#${row.attempt}`] : []),
    ...(row.status === "ERROR" ? ["✗"] : []),
    ...(row.outcome && row.outcome !== "success" && row.outcome !== "failure" ? [row.outcome] : []),
  ];
  return marks.join(" ") + (row.status === "ERROR" && row.status_message ? `: ${oneLine(row.status_message)}` : "");
}
