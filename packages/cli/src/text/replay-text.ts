import type { ReplayedLog, ReplayedSpan } from "../replay/kept-telemetry.ts";
import type { ReplayOutcome } from "../replay/replay-outcome.ts";
import { formatDuration, formatNs } from "./duration-text.ts";
import { factsText } from "./facts-text.ts";
import { manyLines, oneLine, textTable } from "./text-table.ts";

/** What became of a task that was run again, for people: its spans and log records, and the stack of what it threw. */
export function replayText(replayed: ReplayOutcome): string {
  const { failure, output, children, sameOutput } = replayed;
  const facts = factsText([
    ["task", replayed.taskId],
    ["name", replayed.task],
    ["outcome", replayed.outcome],
    ["took", formatDuration(replayed.durationMs)],
    ["children", children.map(({ task, count }) => `${count} ${task}`).join(", ")],
    ["failure", failure ? `${failure.type}: ${failure.message}` : ""],
    ["output", output === null ? "" : JSON.stringify(output)],
    ["recorded", sameOutput === null ? "" : sameOutput ? "the same output" : "another output"],
  ]);
  const parts = [facts, spansText(replayed.spans), logsText(replayed.logs)];
  if (failure?.stack) parts.push(`${manyLines(failure.stack.trimEnd())}\n`);
  return parts.filter(Boolean).join("\n");
}

/** Spans as a tree, each below the one it was made in. */
function spansText(spans: readonly ReplayedSpan[]): string {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const below = Map.groupBy(spans, ({ parentSpanId }) => (known.has(parentSpanId) ? parentSpanId : ""));
  const rows: { span: ReplayedSpan; depth: number }[] = [];
  const open = (below.get("") ?? []).map((span) => ({ span, depth: 0 })).reverse();
  for (let next = open.pop(); next; next = open.pop()) {
    rows.push(next);
    const { span, depth } = next;
    for (const child of (below.get(span.spanId) ?? []).toReversed()) open.push({ span: child, depth: depth + 1 });
  }
  if (rows.length === 0) return "";
  return textTable(rows, [
    { title: "SPAN", value: ({ span, depth }) => `${"  ".repeat(depth)}${span.name}` },
    { title: "TOOK", value: ({ span }) => formatNs(span.durationMs * 1e6), right: true },
    { title: "STATUS", value: ({ span }) => [span.status, span.statusMessage].filter(Boolean).join(" ") },
    { title: "ATTRIBUTES", value: ({ span }) => attributesText(span.attributes) },
  ]);
}

function logsText(logs: readonly ReplayedLog[]): string {
  return logs
    .map(({ time, severity, body, attributes }) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      // Nobody reads nanoseconds.
      return `${time.slice(0, 23)}Z ${severity.padEnd(5)} ${oneLine(`${text} ${attributesText(attributes)}`.trimEnd())}\n`;
    })
    .join("");
}

function attributesText(attributes: ReplayedLog["attributes"]): string {
  return Object.entries(attributes)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
