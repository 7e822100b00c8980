import { indentOf, type LineArea, linesInSight } from "./hit-test.ts";
import { COLLAPSED, ENDED_EARLY, ERROR, ERROR_BELOW, OPEN, PARENT, typeOf } from "./span-facts.ts";
import { ticksOf } from "./tick-labels.ts";
import { type TimeScale, xOf } from "./time-scale.ts";
import type { Lines } from "./visible-lines.ts";
import { waitsBefore } from "./wait-parts.ts";
import type { WaterfallColors } from "./waterfall-colors.ts";

/** All that a frame shows. */
export interface Frame {
  lines: Lines;
  names: readonly string[];
  area: LineArea;
  scale: TimeScale;
  /** Where open spans end. */
  now: number;
  width: number;
  height: number;
  selected: number;
  hovered: number;
  colors: WaterfallColors;
  durationText: (ms: number) => string;
}

type Canvas = CanvasRenderingContext2D;

const BAR_INSET = 4;
const CONTAINER_HEIGHT = 4;
/** A bar shorter than this is drawn so long: an error is seen at any zoom. */
const LEAST_PX = { any: 1, failed: 3 };

/** Draws the lines in sight; what it costs does not depend on how many there are. */
export function drawWaterfall(canvas: Canvas, frame: Frame): void {
  const { area, width, height, colors, lines } = frame;
  canvas.fillStyle = colors.ground;
  canvas.fillRect(0, 0, width, height);
  canvas.font = `12px ${colors.font}`;
  canvas.textBaseline = "middle";
  const [first, last] = linesInSight(area, lines.count, height);
  for (const [line, color] of [
    [frame.hovered, colors.hovered],
    [frame.selected, colors.selected],
  ] as const) {
    if (line < first || line >= last) continue;
    canvas.fillStyle = color;
    canvas.fillRect(0, topOf(area, line), width, area.lineHeight);
  }
  clipped(canvas, [0, area.top, area.names, height], () => {
    for (let line = first; line < last; line++) drawName(canvas, frame, line);
  });
  clipped(canvas, [area.names, 0, width, height], () => {
    drawGrid(canvas, frame);
    for (let line = first; line < last; line++) drawSpan(canvas, frame, line);
    drawAxis(canvas, frame);
  });
  canvas.fillStyle = colors.line;
  canvas.fillRect(area.names - 1, 0, 1, height);
}

function clipped(
  canvas: Canvas,
  [left, top, right, bottom]: readonly [number, number, number, number],
  draw: () => void,
) {
  canvas.save();
  canvas.beginPath();
  canvas.rect(left, top, right - left, bottom - top);
  canvas.clip();
  draw();
  canvas.restore();
}

function topOf({ top, lineHeight, scrollTop }: LineArea, line: number): number {
  return top + line * lineHeight - scrollTop;
}

function drawName(canvas: Canvas, { lines, names, area, colors }: Frame, line: number): void {
  const facts = lines.facts[line]!;
  const left = indentOf(lines.depth[line]!);
  const middle = topOf(area, line) + area.lineHeight / 2;
  if ((facts & PARENT) !== 0)
    drawFold(canvas, { left, middle, folded: (facts & COLLAPSED) !== 0, color: colors.quiet });
  const failed = (facts & ERROR) !== 0;
  const below = (facts & (COLLAPSED | ERROR_BELOW)) === (COLLAPSED | ERROR_BELOW);
  canvas.fillStyle = failed || below ? colors.failed : colors.ink;
  const attempt = lines.attempt[line]! > 1 && typeOf(facts) === "attempt" ? ` #${lines.attempt[line]}` : "";
  const hidden = (facts & COLLAPSED) !== 0 ? `  +${lines.below[line]!.toLocaleString("en")}` : "";
  const mark = failed ? "✗ " : below ? "! " : "";
  canvas.fillText(`${mark}${names[lines.name[line]!] ?? ""}${attempt}${hidden}`, left + 16, middle);
}

function drawFold(
  canvas: Canvas,
  { left, middle, folded, color }: { left: number; middle: number; folded: boolean; color: string },
) {
  canvas.fillStyle = color;
  canvas.beginPath();
  if (folded) {
    canvas.moveTo(left + 4, middle - 4);
    canvas.lineTo(left + 10, middle);
    canvas.lineTo(left + 4, middle + 4);
  } else {
    canvas.moveTo(left + 3, middle - 3);
    canvas.lineTo(left + 11, middle - 3);
    canvas.lineTo(left + 7, middle + 3);
  }
  canvas.fill();
}

function drawGrid(canvas: Canvas, { scale, area, height, colors }: Frame): void {
  canvas.fillStyle = colors.line;
  for (const { ns } of ticksOf(scale)) canvas.fillRect(Math.round(area.names + xOf(scale, ns)), area.top, 1, height);
}

function drawAxis(canvas: Canvas, { scale, area, width, colors }: Frame): void {
  canvas.fillStyle = colors.ground;
  canvas.fillRect(area.names, 0, width, area.top);
  canvas.fillStyle = colors.quiet;
  for (const { ns, label } of ticksOf(scale)) canvas.fillText(label, area.names + xOf(scale, ns) + 4, area.top / 2);
  canvas.fillStyle = colors.line;
  canvas.fillRect(0, area.top - 1, width, 1);
}

function drawSpan(canvas: Canvas, frame: Frame, line: number): void {
  const { lines, scale, area, colors, now, width } = frame;
  const facts = lines.facts[line]!;
  const top = topOf(area, line);
  const start = lines.start[line]!;
  const end = Number.isNaN(lines.end[line]!) ? Math.max(now, start) : lines.end[line]!;
  const type = typeOf(facts);
  if (type === "attempt") drawWaits(canvas, frame, { line, start, top });
  const least = (facts & ERROR) !== 0 ? LEAST_PX.failed : LEAST_PX.any;
  const left = Math.max(area.names - 2, area.names + xOf(scale, start));
  const right = Math.min(width + 2, Math.max(left + least, area.names + xOf(scale, end)));
  if (left > width || right < area.names) return;
  canvas.fillStyle = barColor(facts, colors);
  const contains = type === "job" || type === "task";
  const barHeight = contains ? CONTAINER_HEIGHT : area.lineHeight - 2 * BAR_INSET;
  canvas.fillRect(left, top + (area.lineHeight - barHeight) / 2, right - left, barHeight);
  drawDuration(canvas, frame, {
    text: frame.durationText((end - start) / 1e6),
    left,
    right,
    middle: top + area.lineHeight / 2,
    waited: lines.queuedMs[line]! + lines.backoffMs[line]! + lines.blockedMs[line]! > 0,
  });
}

function barColor(facts: number, colors: WaterfallColors): string {
  if ((facts & ERROR) !== 0) return colors.failed;
  if ((facts & ENDED_EARLY) !== 0) return colors.cancelled;
  const type = typeOf(facts);
  if (type === "job" || type === "task") return (facts & OPEN) !== 0 ? colors.accent : colors.container;
  return type === "user" ? colors.user : colors.running;
}

/** Waits are thinner than what runs, and each of its own colour and height: told apart without colours, too. */
function drawWaits(
  canvas: Canvas,
  { lines, scale, area, colors }: Frame,
  at: { line: number; start: number; top: number },
): void {
  const waited = {
    blockedMs: lines.blockedMs[at.line]!,
    queuedMs: lines.queuedMs[at.line]!,
    backoffMs: lines.backoffMs[at.line]!,
  };
  const middle = at.top + area.lineHeight / 2;
  for (const { kind, from, to } of waitsBefore(at.start, waited)) {
    const left = Math.max(area.names, area.names + xOf(scale, from));
    const right = area.names + xOf(scale, to);
    if (right <= left) continue;
    canvas.fillStyle = colors[kind];
    if (kind === "queued") canvas.fillRect(left, middle - 1, right - left, 2);
    else if (kind === "blocked") canvas.fillRect(left, middle + 3, right - left, 2);
    else
      for (let x = left; x < Math.min(right, left + 4_000); x += 6)
        canvas.fillRect(x, middle - 2, Math.min(3, right - x), 4);
  }
}

/** Beside the bar, where there is room: after it, else before it, unless its waits are drawn there. */
function drawDuration(
  canvas: Canvas,
  { width, area, colors }: Frame,
  at: { text: string; left: number; right: number; middle: number; waited: boolean },
): void {
  canvas.fillStyle = colors.quiet;
  const room = 8 + at.text.length * 7;
  if (at.right + room < width) canvas.fillText(at.text, at.right + 6, at.middle);
  else if (!at.waited && at.left - room > area.names) canvas.fillText(at.text, at.left - room + 2, at.middle);
}
