import type { Table } from "apache-arrow";
import { type SpanSummary, summarize } from "../summarize.ts";
import { paintFor } from "./color.ts";
import { formatDuration } from "./format-duration.ts";
import type { RenderOptions } from "./options.ts";
import { cellWidth, fitLeft, fitRight, plainText } from "./text-width.ts";

const DEFAULT_WIDTH = 100;
const MIN_WIDTH = 60;

const columns: readonly { readonly title: string; readonly text: (row: SpanSummary) => string }[] = [
  { title: "count", text: ({ count, open }) => number(count) + (open > 0 ? ` (${number(open)} open)` : "") },
  { title: "errors", text: ({ errors }) => (errors === 0 ? "–" : number(errors)) },
  { title: "p50", text: ({ p50Ms }) => formatDuration(p50Ms * 1e6) },
  { title: "p95", text: ({ p95Ms }) => formatDuration(p95Ms * 1e6) },
  { title: "max", text: ({ maxMs }) => formatDuration(maxMs * 1e6) },
  { title: "total", text: ({ count, open, totalMs }) => formatDuration(open === count ? Number.NaN : totalMs * 1e6) },
];

/**
 * Draws the measures of {@link summarize} as a table, the name with the largest total first.
 *
 * Shape: lines joined by "\n"; without spans one line that says so.
 */
export function renderSummary(
  table: Table,
  { width = DEFAULT_WIDTH, color = false, maxRows }: Pick<RenderOptions, "width" | "color" | "maxRows"> = {},
): string {
  const all = summarize(table);
  if (all.length === 0) return "no spans";
  const paint = paintFor(color);
  const rows = all.slice(0, maxRows);
  const cells = rows.map((row) => columns.map(({ text }) => text(row)));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((row) => cellWidth(row[i]!))));
  const taken = widths.reduce((sum, each) => sum + each + 2, 0);
  const widest = Math.max(4, ...rows.map(({ name }) => cellWidth(plainText(name))));
  const names = Math.min(widest, Math.max(12, Math.max(MIN_WIDTH, width) - taken));
  const join = (row: readonly string[]): string => row.map((text, i) => `  ${fitRight(text, widths[i]!)}`).join("");
  const lines = [paint("dim", fitLeft("name", names) + join(columns.map(({ title }) => title)))];
  for (const [index, row] of rows.entries()) {
    const line = fitLeft(plainText(row.name), names) + join(cells[index]!);
    lines.push(row.errors > 0 ? paint("error", line) : line);
  }
  if (all.length > rows.length) lines.push(paint("dim", `… ${number(all.length - rows.length)} more`));
  return lines.join("\n");
}

function number(value: number): string {
  return value.toLocaleString("en");
}
