import type { Table } from "apache-arrow";
import { type Paint, paintFor } from "./color.ts";
import { formatDuration } from "./format-duration.ts";
import type { RenderOptions } from "./options.ts";
import { countText, hiddenText, spanLabel, spanTone } from "./span-label.ts";
import { type SpanLine, spanDrawing } from "./span-lines.ts";
import { cellWidth, clip } from "./text-width.ts";

const DEFAULT_WIDTH = 100;
const MIN_WIDTH = 40;

/**
 * Draws spans as a tree with durations and the messages of failed spans.
 *
 * Needs the same columns as renderWaterfall, and shows `status_message` too.
 *
 * Shape: lines joined by "\n", none longer than `width` cells; without spans one line that says so.
 * Errors: INVALID_FIELD when a needed column is missing, or for `root` or `maxRows` out of their domain.
 */
export function renderTree(table: Table, options: RenderOptions = {}): string {
  const drawing = spanDrawing(table, options);
  if (drawing.spans === 0) return "no spans";
  const paint = paintFor(options.color ?? false);
  const width = Math.max(MIN_WIDTH, Math.floor(options.width ?? DEFAULT_WIDTH));
  const lines = drawing.lines.map((line) => treeLine(line, width, paint));
  const hidden = hiddenText(drawing);
  if (hidden !== "") lines.push(paint("dim", hidden));
  lines.push(paint("strong", `${countText(drawing)} in ${formatDuration(drawing.totalNs)}`));
  return lines.join("\n");
}

function treeLine(line: SpanLine, width: number, paint: Paint): string {
  const tone = spanTone(line);
  const room = Math.max(8, width - cellWidth(line.guide));
  const duration = ` ${formatDuration(line.endNs - line.startNs)}${line.open ? "+" : ""}`;
  const label = clip(spanLabel(line), room - duration.length);
  const left = room - cellWidth(label) - duration.length;
  const message = line.error && line.statusMessage !== "" && left > 8 ? clip(`  ${line.statusMessage}`, left) : "";
  return (
    clipGuide(line.guide, width - room, paint) + paint(tone, label) + paint("dim", duration) + paint("error", message)
  );
}

function clipGuide(guide: string, cells: number, paint: Paint): string {
  return paint("dim", cellWidth(guide) <= cells ? guide : `⋯${guide.slice(guide.length - cells + 1)}`);
}
