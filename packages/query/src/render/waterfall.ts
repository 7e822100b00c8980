import type { Table } from "apache-arrow";
import { lineBar, solidBar } from "./bar.ts";
import { type Paint, paintFor } from "./color.ts";
import { formatDuration } from "./format-duration.ts";
import type { RenderOptions } from "./options.ts";
import { countText, hiddenText, spanLabel, spanTone } from "./span-label.ts";
import { type SpanDrawing, type SpanLine, spanDrawing } from "./span-lines.ts";
import { cellWidth, clip, fitLeft } from "./text-width.ts";
import { axisLine, type Tick, ticksFor } from "./time-axis.ts";

const DEFAULT_WIDTH = 100;
const MIN_WIDTH = 40;
/** Fewest cells a name keeps however deep its span lies. */
const MIN_NAME_CELLS = 12;

interface Layout {
  readonly names: number;
  readonly bars: number;
  readonly durations: number;
  readonly ticks: readonly Tick[];
  readonly totalNs: number;
  readonly paint: Paint;
}

/**
 * Draws spans as a tree with bars over time: a line for what contains others (jobs, tasks), a solid bar for what works.
 *
 * Failed spans are marked ✗ and red, open ones run to the right edge and end in an arrow. Names are cleaned of control
 * characters. Needs the columns `span_id`, `parent_span_id`, `name`, `start_time` and `end_time`; shows what it finds of
 * `type`, `status`, `outcome` and `attempt`.
 *
 * Shape: lines joined by "\n", none longer than `width` cells; without spans one line that says so.
 * Errors: INVALID_FIELD when a needed column is missing, or for `root` or `maxRows` out of their domain.
 */
export function renderWaterfall(table: Table, options: RenderOptions = {}): string {
  const drawing = spanDrawing(table, options);
  if (drawing.spans === 0) return "no spans";
  const layout = layOut(drawing, options);
  const { paint } = layout;
  const lines = [...headLines(drawing, layout), ...drawing.lines.map((line) => spanRow(line, layout))];
  const hidden = hiddenText(drawing);
  return (hidden === "" ? lines : [...lines, paint("dim", hidden)]).join("\n");
}

/** What was counted, and the axis beside it, or below it when the names leave too little room. */
function headLines(drawing: SpanDrawing, { names, bars, ticks, paint }: Layout): string[] {
  const head = `${countText(drawing)} in ${formatDuration(drawing.totalNs)}`;
  const axis = axisLine(ticks, bars).trimEnd();
  if (cellWidth(head) <= names) return [`${paint("strong", fitLeft(head, names))} ${paint("dim", axis)}`];
  return [paint("strong", head), `${" ".repeat(names + 1)}${paint("dim", axis)}`];
}

function layOut(drawing: SpanDrawing, { width = DEFAULT_WIDTH, color = false }: RenderOptions): Layout {
  const cells = Math.max(MIN_WIDTH, Math.floor(width));
  const widest = drawing.lines.reduce((most, line) => Math.max(most, cellWidth(line.guide + spanLabel(line))), 0);
  const names = Math.min(Math.max(widest, MIN_NAME_CELLS), Math.floor(cells * 0.45));
  const durations = drawing.lines.reduce((most, line) => Math.max(most, durationText(line).length), 0);
  const bars = cells - names - durations - 2;
  const ticks = ticksFor(drawing.totalNs, bars);
  return { names, bars, durations, ticks, totalNs: drawing.totalNs, paint: paintFor(color) };
}

function spanRow(line: SpanLine, layout: Layout): string {
  const { paint, names, durations } = layout;
  const tone = spanTone(line);
  const text = spanLabel(line);
  const guide = fitGuide(line.guide, names - Math.min(cellWidth(text), MIN_NAME_CELLS));
  const label = clip(text, names - cellWidth(guide));
  const rest = " ".repeat(names - cellWidth(guide + label));
  const name = tone === "error" || tone === "open" || tone === "job" ? paint(tone, label) : label;
  const duration = paint(tone === "error" ? "error" : "dim", durationText(line).padStart(durations).trimEnd());
  return `${paint("dim", guide)}${name}${rest} ${barCells(line, layout)} ${duration}`;
}

/** A guide too long for its column keeps its end, where the span hangs. */
function fitGuide(guide: string, room: number): string {
  if (cellWidth(guide) <= room) return guide;
  return room < 2 ? "" : `⋯${guide.slice(guide.length - (room - 1))}`;
}

function barCells(line: SpanLine, { bars, totalNs, ticks, paint }: Layout): string {
  const cellsPerNs = totalNs > 0 ? bars / totalNs : 0;
  const span = { from: line.startNs * cellsPerNs, to: line.endNs * cellsPerNs, open: line.open };
  const contains = line.type === "job" || line.type === "task";
  const bar = contains ? lineBar(span, bars) : solidBar(span, bars);
  const after = bar.indent + bar.text.length;
  return grid(0, bar.indent, ticks, paint) + paint(spanTone(line), bar.text) + grid(after, bars, ticks, paint);
}

/** Free cells, with a dot below each tick. */
function grid(from: number, to: number, ticks: readonly Tick[], paint: Paint): string {
  let cells = "";
  for (const { cell } of ticks) if (cell >= from && cell < to) cells = `${cells.padEnd(cell - from)}·`;
  return paint("dim", cells.padEnd(to - from));
}

/** An open span's is what it has lasted so far; the others leave its plus free, so that units line up. */
function durationText({ startNs, endNs, open }: SpanLine): string {
  return formatDuration(endNs - startNs) + (open ? "+" : " ");
}
