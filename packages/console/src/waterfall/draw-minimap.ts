import { pixelKinds } from "./coalesce.ts";
import type { Minimap } from "./minimap.ts";
import type { TimeScale } from "./time-scale.ts";
import type { WaterfallColors } from "./waterfall-colors.ts";

type Canvas = CanvasRenderingContext2D;

/** Draws how much ran when, failures, and what part of it is shown. */
export function drawMinimap(
  canvas: Canvas,
  { minimap, scale, colors, height }: { minimap: Minimap; scale: TimeScale; colors: WaterfallColors; height: number },
): void {
  const { from, to, running, errors } = minimap;
  const { width } = scale;
  canvas.fillStyle = colors.ground;
  canvas.fillRect(0, 0, width, height);
  const most = running.reduce((a, b) => Math.max(a, b), 0) || 1;
  const column = width / running.length;
  canvas.fillStyle = colors.running;
  for (let at = 0; at < running.length; at++) {
    const tall = (running[at]! / most) * (height - 6);
    canvas.fillRect(at * column, height - tall, column + 0.5, tall);
  }
  canvas.fillStyle = colors.failed;
  for (let at = 0; at < errors.length; at++) if (errors[at] === 1) canvas.fillRect(at * column - 1, 0, 3, 5);
  const x = (ns: number) => ((ns - from) / (to - from)) * width;
  canvas.globalAlpha = 0.6;
  canvas.fillStyle = colors.hovered;
  canvas.fillRect(0, 0, x(scale.from), height);
  canvas.fillRect(x(scale.to), 0, width, height);
  canvas.globalAlpha = 1;
  canvas.strokeStyle = colors.accent;
  canvas.strokeRect(x(scale.from) + 0.5, 0.5, Math.max(2, x(scale.to) - x(scale.from) - 1), height - 1);
}

/** Draws beside the lines where in all of them failures are, what is open, and which lines are in sight. */
export function drawGutter(
  canvas: Canvas,
  at: { kinds: Uint8Array; left: number; top: number; width: number; sight: readonly [number, number] },
  colors: WaterfallColors,
): void {
  canvas.fillStyle = colors.hovered;
  canvas.fillRect(at.left, at.top, at.width, at.kinds.length);
  canvas.fillStyle = colors.container;
  canvas.fillRect(at.left, at.top + at.sight[0], at.width, Math.max(12, at.sight[1] - at.sight[0]));
  for (let y = 0; y < at.kinds.length; y++) {
    if (at.kinds[y] === 0) continue;
    canvas.fillStyle = at.kinds[y] === pixelKinds.error ? colors.failed : colors.running;
    canvas.fillRect(at.left, at.top + y, at.width, at.kinds[y] === pixelKinds.error ? 2 : 1);
  }
}
