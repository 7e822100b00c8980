import { drawName } from "./draw-name.ts";
import { drawSpan } from "./draw-span.ts";
import { type LineArea, linesInSight, topOf } from "./hit-test.ts";
import { isMarked, type LineMarks } from "./line-marks.ts";
import { ticksOf } from "./tick-labels.ts";
import { type TimeScale, xOf } from "./time-scale.ts";
import type { Lines } from "./visible-lines.ts";
import type { WaterfallColors } from "./waterfall-colors.ts";

/** What is drawn on. */
export type Canvas = CanvasRenderingContext2D;

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
  hiddenFailures: LineMarks;
  /** What is marked; all other lines are dimmed. */
  highlight: LineMarks | undefined;
  /** Positions in the tree of what was looked for, in order. */
  found: Int32Array | undefined;
  durationText: (ms: number) => string;
}

const DIMMED = 0.4;

/** Draws the lines in sight; what it costs does not depend on how many there are. */
export function drawWaterfall(canvas: Canvas, frame: Frame): void {
  const { area, width, height, colors, lines } = frame;
  canvas.fillStyle = colors.ground;
  canvas.fillRect(0, 0, width, height);
  canvas.font = `12px ${colors.font}`;
  canvas.textBaseline = "middle";
  const [first, last] = linesInSight(area, lines.count, height);
  drawLineGrounds(canvas, frame, [first, last]);
  clipped(canvas, [0, area.top, area.names, height], () => {
    for (let line = first; line < last; line++) dimmed(canvas, frame, line, drawName);
  });
  clipped(canvas, [area.names, 0, width, height], () => {
    drawGrid(canvas, frame);
    for (let line = first; line < last; line++) dimmed(canvas, frame, line, drawSpan);
    drawAxis(canvas, frame);
  });
  canvas.fillStyle = colors.line;
  canvas.fillRect(area.names - 1, 0, 1, height);
  canvas.fillRect(0, area.top - 1, area.names, 1);
}

function drawLineGrounds(canvas: Canvas, frame: Frame, [first, last]: readonly [number, number]): void {
  const { area, colors, width } = frame;
  const marked = [
    [frame.hovered, colors.hovered],
    [frame.selected, colors.selected],
  ] as const;
  for (const [line, color] of marked) {
    if (line < first || line >= last) continue;
    canvas.fillStyle = color;
    canvas.fillRect(0, topOf(area, line), width, area.lineHeight);
  }
}

/** Draws a part of a line, faintly when others are marked and it is not. */
function dimmed(
  canvas: Canvas,
  frame: Frame,
  line: number,
  draw: (canvas: Canvas, frame: Frame, line: number) => void,
): void {
  canvas.globalAlpha = frame.highlight && !isMarked(frame.highlight, line) ? DIMMED : 1;
  draw(canvas, frame, line);
  canvas.globalAlpha = 1;
}

function clipped(
  canvas: Canvas,
  [left, top, right, bottom]: readonly [number, number, number, number],
  draw: () => void,
): void {
  canvas.save();
  canvas.beginPath();
  canvas.rect(left, top, right - left, bottom - top);
  canvas.clip();
  draw();
  canvas.restore();
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
  canvas.fillRect(area.names, area.top - 1, width, 1);
}
