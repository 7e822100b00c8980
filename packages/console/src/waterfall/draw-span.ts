import { PixelLine, pixelKinds } from "./coalesce.ts";
import type { Canvas, Frame } from "./draw-waterfall.ts";
import { topOf } from "./hit-test.ts";
import { firstMarkOf, type LineMarks } from "./line-marks.ts";
import { ENDED_EARLY, ERROR, OPEN, PARENT, typeOf } from "./span-facts.ts";
import { xOf } from "./time-scale.ts";
import { type Waited, type WaitPart, waitsBefore, waitsWithin } from "./wait-parts.ts";
import type { WaterfallColors } from "./waterfall-colors.ts";

const BAR_INSET = 4;
const CONTAINER_HEIGHT = 4;
/** A bar shorter than this is drawn so long: an error is seen at any zoom. */
const LEAST_PX = { any: 1, failed: 3 };
const MARK_HEIGHT = 3;

/** Draws a line's bar with the waits before it, what failed below it, and where it is marked. */
export function drawSpan(canvas: Canvas, frame: Frame, line: number): void {
  const { lines, scale, area, now, width } = frame;
  const facts = lines.facts[line]!;
  const start = lines.start[line]!;
  const end = endOf(lines.end[line]!, Math.max(now, start));
  if (typeOf(facts) === "attempt") drawWaits(canvas, frame, line, waitsBefore(start, waitedOf(lines, line)));
  const least = (facts & ERROR) !== 0 ? LEAST_PX.failed : LEAST_PX.any;
  const left = Math.max(area.names - 2, area.names + xOf(scale, start));
  const right = Math.min(width + 2, Math.max(left + least, area.names + xOf(scale, end)));
  if (left <= width && right >= area.names) drawBar(canvas, frame, { line, left, right, end });
  drawHiddenFailures(canvas, frame, line);
  if (frame.highlight) drawMarks(canvas, frame, { line, marks: frame.highlight });
}

function waitedOf({ blockedMs, backoffMs, queuedMs }: Frame["lines"], line: number): Waited {
  return { blockedMs: blockedMs[line]!, backoffMs: backoffMs[line]!, queuedMs: queuedMs[line]! };
}

function endOf(end: number, now: number): number {
  return Number.isNaN(end) ? now : end;
}

function drawBar(
  canvas: Canvas,
  frame: Frame,
  { line, left, right, end }: { line: number; left: number; right: number; end: number },
): void {
  const { lines, area, colors } = frame;
  const facts = lines.facts[line]!;
  const type = typeOf(facts);
  const height = type === "job" || type === "task" ? CONTAINER_HEIGHT : area.lineHeight - 2 * BAR_INSET;
  const top = topOf(area, line) + (area.lineHeight - height) / 2;
  const open = (facts & OPEN) !== 0;
  const start = lines.start[line]!;
  // A task that no attempt was made of has but waited.
  const onlyWaits = type === "task" && (facts & (PARENT | ERROR)) === 0;
  const waits = onlyWaits ? waitsWithin({ start, end, open }, waitedOf(lines, line)) : [];
  if (waits.length > 0) drawWaits(canvas, frame, line, waits);
  else {
    canvas.fillStyle = barColor(facts, colors);
    canvas.fillRect(left, top, right - left, height);
  }
  // What is open has no edge on its right: it goes on.
  if (open && waits.length === 0 && right - left > 8) {
    canvas.fillStyle = colors.ground;
    for (const inset of [2, 6]) canvas.fillRect(right - inset - 1, top, 1.5, height);
  }
  drawDuration(canvas, frame, {
    text: frame.durationText((end - start) / 1e6),
    left,
    right,
    middle: topOf(area, line) + area.lineHeight / 2,
    waited: [lines.queuedMs, lines.backoffMs, lines.blockedMs].some((ms) => ms[line]! > 0),
  });
}

function barColor(facts: number, colors: WaterfallColors): string {
  if ((facts & ERROR) !== 0) return colors.failed;
  if ((facts & ENDED_EARLY) !== 0) return colors.cancelled;
  const type = typeOf(facts);
  if (type === "job" || type === "task") return (facts & OPEN) !== 0 ? colors.accent : colors.container;
  return type === "user" ? colors.user : colors.running;
}

/** Waits are thinner than what runs, and each of its own colour and form: told apart without colours, too. */
function drawWaits(canvas: Canvas, frame: Frame, line: number, waits: readonly WaitPart[]): void {
  const { scale, area, colors, width } = frame;
  const middle = topOf(area, line) + area.lineHeight / 2;
  for (const { kind, from, to } of waits) {
    const left = Math.max(area.names, area.names + xOf(scale, from));
    const right = Math.min(width, area.names + xOf(scale, to));
    if (right <= left) continue;
    canvas.fillStyle = colors[kind];
    if (kind === "queued") canvas.fillRect(left, middle - 1, right - left, 2);
    else if (kind === "blocked") drawHatch(canvas, { left, right, middle });
    else for (let x = left; x < right; x += 6) canvas.fillRect(x, middle - 2, Math.min(3, right - x), 4);
  }
}

/** A line with teeth below it. */
function drawHatch(canvas: Canvas, { left, right, middle }: { left: number; right: number; middle: number }): void {
  canvas.fillRect(left, middle - 1, right - left, 1);
  for (let x = left; x < right; x += 5) canvas.fillRect(x, middle, 1, 4);
}

/** Failed spans that are folded away, joined to pixels: however many there are, none is left out. */
function drawHiddenFailures(canvas: Canvas, frame: Frame, line: number): void {
  const { hiddenFailures: marks, area, scale, width, colors, now } = frame;
  const first = firstMarkOf(marks, line);
  if (marks.line[first] !== line) return;
  const pixels = new PixelLine(width - area.names);
  for (let at = first; marks.line[at] === line; at++) {
    const left = xOf(scale, marks.from[at]!);
    const right = xOf(scale, endOf(marks.to[at]!, now));
    pixels.add(left, Math.max(right, left + LEAST_PX.failed), pixelKinds.error);
  }
  canvas.fillStyle = colors.failed;
  const bottom = topOf(area, line) + area.lineHeight - 2;
  pixels.forEachRun((from, to) => canvas.fillRect(area.names + from, bottom - MARK_HEIGHT, to - from, MARK_HEIGHT));
}

function drawMarks(
  canvas: Canvas,
  { area, scale, width, colors, now }: Frame,
  { line, marks }: { line: number; marks: LineMarks },
): void {
  canvas.fillStyle = colors.marked;
  const top = topOf(area, line) + 1;
  for (let at = firstMarkOf(marks, line); marks.line[at] === line; at++) {
    const left = Math.max(area.names, area.names + xOf(scale, marks.from[at]!));
    const right = Math.min(width, Math.max(left + 1, area.names + xOf(scale, endOf(marks.to[at]!, now))));
    if (right > left) canvas.fillRect(left, top, right - left, MARK_HEIGHT);
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
