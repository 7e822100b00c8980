import type { Table } from "apache-arrow";
import { type PathKind, type PathSegment, pathSegments } from "../critical-path.ts";
import { invalidField } from "../invalid.ts";
import { solidBar } from "./bar.ts";
import { type Paint, paintFor, type Tone } from "./color.ts";
import { formatDuration } from "./format-duration.ts";
import type { RenderOptions } from "./options.ts";
import { cellWidth, clip, fitLeft, plainText } from "./text-width.ts";
import { axisLine, ticksFor } from "./time-axis.ts";

const DEFAULT_WIDTH = 100;
const MIN_WIDTH = 60;
const KIND_CELLS = "overhead".length;

const tones: Readonly<Record<PathKind, Tone>> = {
  running: "attempt",
  queued: "open",
  blocked: "open",
  backoff: "error",
  overhead: "dim",
};

interface Layout {
  readonly cells: number;
  readonly names: number;
  readonly bars: number;
  readonly durations: number;
  readonly totalNs: number;
  readonly startNs: bigint;
  readonly paint: Paint;
}

/**
 * Draws the critical path of a job: what the time went to in all, then its segments from the first to the last, each
 * with a bar where it lies in the job's time.
 *
 * Names are cleaned of control characters. With `maxRows` the longest segments are drawn, in order of time; what lies
 * between them is counted.
 *
 * Shape: lines joined by "\n", none longer than `width` cells; without segments one line that says so.
 * Errors: INVALID_FIELD when a column is missing, or for `maxRows` out of its domain.
 */
export function renderCriticalPath(
  table: Table,
  { width = DEFAULT_WIDTH, color = false, maxRows }: Pick<RenderOptions, "width" | "color" | "maxRows"> = {},
): string {
  if (maxRows !== undefined && (!Number.isInteger(maxRows) || maxRows < 1))
    throw invalidField("maxRows", maxRows, "is not a whole number from 1");
  const segments = pathSegments(table);
  const [first] = segments;
  if (!first) return "the job took no time";
  const totalNs = segments.reduce((sum, { durationNs }) => sum + durationNs, 0);
  const shown = longest(segments, maxRows ?? segments.length);
  const layout = layOut(shown, { width, totalNs, startNs: first.startNs, paint: paintFor(color) });
  const lines = [...headLines(segments, layout)];
  let hidden = 0;
  for (const segment of segments) {
    if (!shown.has(segment)) hidden++;
    else {
      if (hidden > 0) lines.push(hiddenLine(hidden, layout));
      hidden = 0;
      lines.push(segmentLine(segment, layout));
    }
  }
  if (hidden > 0) lines.push(hiddenLine(hidden, layout));
  return lines.join("\n");
}

function longest(segments: readonly PathSegment[], count: number): ReadonlySet<PathSegment> {
  return new Set(segments.toSorted((a, b) => b.durationNs - a.durationNs).slice(0, count));
}

function layOut(
  shown: ReadonlySet<PathSegment>,
  { width, ...rest }: Pick<Layout, "totalNs" | "startNs" | "paint"> & { width: number },
): Layout {
  const cells = Math.max(MIN_WIDTH, Math.floor(width));
  const widest = Math.max(...Array.from(shown, (segment) => cellWidth(labelOf(segment))));
  const names = Math.min(Math.max(widest, 12), Math.floor(cells * 0.4));
  const durations = Math.max(...Array.from(shown, ({ durationNs }) => formatDuration(durationNs).length));
  return { cells, names, durations, bars: cells - names - durations - KIND_CELLS - 3, ...rest };
}

/** The whole and what it went to, the largest part first; then the axis. */
function headLines(segments: readonly PathSegment[], { names, bars, cells, totalNs, paint }: Layout): string[] {
  const sums = new Map<PathKind, number>();
  for (const { kind, durationNs } of segments) sums.set(kind, (sums.get(kind) ?? 0) + durationNs);
  const lines: string[] = [];
  let line = paint("strong", `critical path ${formatDuration(totalNs)}:`);
  let width = cellWidth(`critical path ${formatDuration(totalNs)}:`);
  for (const [kind, ns] of [...sums].sort(([, a], [, b]) => b - a)) {
    const part = ` ${formatDuration(ns)} (${shareOf(ns, totalNs)})`;
    const added = 2 + kind.length + cellWidth(part);
    if (width + added > cells) {
      lines.push(line);
      [line, width] = ["", 0];
    }
    line += `  ${paint(tones[kind], kind)}${part}`;
    width += added;
  }
  const axis = axisLine(ticksFor(totalNs, bars), bars).trimEnd();
  return [...lines, line, `${" ".repeat(KIND_CELLS + names + 2)}${paint("dim", axis)}`];
}

function shareOf(ns: number, totalNs: number): string {
  const percent = (ns / totalNs) * 100;
  return percent > 0 && percent < 1 ? "<1 %" : `${Math.round(percent)} %`;
}

/** What the path went through, indented by how deep the task lies. */
function labelOf({ depth, name, attempt = 1, outcome }: PathSegment): string {
  const number = attempt > 1 ? ` #${attempt}` : "";
  const ended = outcome === "success" || outcome === "" ? "" : ` ${outcome}`;
  return `${"  ".repeat(Math.max(0, depth - 1))}${plainText(name)}${number}${ended}`;
}

function segmentLine(segment: PathSegment, { names, bars, durations, totalNs, startNs, paint }: Layout): string {
  const { kind, durationNs } = segment;
  const cellsPerNs = bars / totalNs;
  const from = Number(segment.startNs - startNs) * cellsPerNs;
  const bar = solidBar({ from, to: from + durationNs * cellsPerNs, open: false }, bars);
  const label = fitLeft(clip(labelOf(segment), names), names);
  const cells = `${" ".repeat(bar.indent)}${paint(tones[kind], bar.text)}${" ".repeat(Math.max(0, bars - bar.indent - cellWidth(bar.text)))}`;
  const duration = formatDuration(durationNs).padStart(durations);
  return `${paint(tones[kind], kind.padEnd(KIND_CELLS))} ${label} ${cells} ${paint("dim", duration)}`;
}

function hiddenLine(count: number, { paint }: Layout): string {
  return paint("dim", `… ${count.toLocaleString("en")} shorter`);
}
