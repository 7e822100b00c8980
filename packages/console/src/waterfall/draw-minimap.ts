import { pixelKinds } from "./coalesce.ts";
import type { Minimap } from "./minimap.ts";
import { type TimeScale, xOf } from "./time-scale.ts";
import type { WaterfallColors } from "./waterfall-colors.ts";

type Canvas = CanvasRenderingContext2D;

/** What the minimap shows. */
export interface MinimapFrame {
  minimap: Minimap;
  /** All of time there is; it goes on while spans are open. */
  whole: { from: number; to: number };
  /** What is shown of it. */
  scale: TimeScale;
  colors: WaterfallColors;
  width: number;
  height: number;
}

/** Draws how much ran when, failures, and what part of it is shown. */
export function drawMinimap(canvas: Canvas, { minimap, whole, scale, colors, width, height }: MinimapFrame): void {
  const { from, to, running, errors } = minimap;
  canvas.fillStyle = colors.ground;
  canvas.fillRect(0, 0, width, height);
  const most = running.reduce((a, b) => Math.max(a, b), 0) || 1;
  const x = (ns: number) => xOf({ ...whole, width }, ns);
  // On whole pixels: neighbours that overlap in part would show as stripes.
  const edge = (column: number) => Math.round(x(from + ((to - from) * column) / running.length));
  canvas.fillStyle = colors.running;
  for (let at = 0; at < running.length; at++) {
    const tall = (running[at]! / most) * (height - 6);
    canvas.fillRect(edge(at), height - tall, edge(at + 1) - edge(at), tall);
  }
  // What ran at the end of what was counted, and has not ended, runs on.
  const last = ((running.at(-1) ?? 0) / most) * (height - 6);
  canvas.fillRect(edge(running.length), height - last, width - edge(running.length), last);
  canvas.fillStyle = colors.failed;
  for (let at = 0; at < errors.length; at++) if (errors[at] === 1) canvas.fillRect(edge(at) - 1, 0, 3, 5);
  canvas.globalAlpha = 0.6;
  canvas.fillStyle = colors.hovered;
  canvas.fillRect(0, 0, x(scale.from), height);
  canvas.fillRect(x(scale.to), 0, width, height);
  canvas.globalAlpha = 1;
  canvas.strokeStyle = colors.accent;
  canvas.strokeRect(x(scale.from) + 0.5, 0.5, Math.max(2, x(scale.to) - x(scale.from) - 1), height - 1);
}

/** What the bar beside the lines shows. */
export interface GutterFrame {
  /** What the lines at a height are, from the top. */
  kinds: Uint8Array;
  left: number;
  top: number;
  width: number;
  /** Heights between which lines are in sight. */
  sight: readonly [number, number];
  /** Heights of marked lines. */
  marked: Iterable<number>;
}

/** Draws beside the lines where in all of them failures are, what is open or marked, and which lines are in sight. */
export function drawGutter(canvas: Canvas, at: GutterFrame, colors: WaterfallColors): void {
  canvas.fillStyle = colors.hovered;
  canvas.fillRect(at.left, at.top, at.width, at.kinds.length);
  const [from, to] = at.sight;
  if (from > 0 || to < at.kinds.length) {
    canvas.fillStyle = colors.container;
    canvas.globalAlpha = 0.5;
    canvas.fillRect(at.left, at.top + from, at.width, Math.max(12, to - from));
    canvas.globalAlpha = 1;
  }
  canvas.fillStyle = colors.marked;
  for (const y of at.marked) canvas.fillRect(at.left, at.top + y, at.width / 2, 1);
  for (let y = 0; y < at.kinds.length; y++) {
    if (at.kinds[y] === 0) continue;
    canvas.fillStyle = at.kinds[y] === pixelKinds.error ? colors.failed : colors.running;
    canvas.fillRect(at.left, at.top + y, at.width, at.kinds[y] === pixelKinds.error ? 2 : 1);
  }
}
