import type { Canvas, Frame } from "./draw-waterfall.ts";
import { indentOf, topOf } from "./hit-test.ts";
import { isAmong } from "./line-marks.ts";
import { COLLAPSED, ERROR, ERROR_BELOW, PARENT } from "./span-facts.ts";
import { spanLabel } from "./span-label.ts";

/** Width of the mark that folds, and the air after it. */
const FOLD_PX = 16;

/** Draws a line's fold mark and name. */
export function drawName(canvas: Canvas, frame: Frame, line: number): void {
  const { lines, names, area, colors } = frame;
  const facts = lines.facts[line]!;
  if (frame.found && isAmong(frame.found, lines.position[line]!)) drawFound(canvas, frame, line);
  const left = indentOf(lines.depth[line]!);
  const middle = topOf(area, line) + area.lineHeight / 2;
  if ((facts & PARENT) !== 0)
    drawFold(canvas, { left, middle, folded: (facts & COLLAPSED) !== 0, color: colors.quiet });
  const failed = (facts & ERROR) !== 0;
  const below = (facts & (COLLAPSED | ERROR_BELOW)) === (COLLAPSED | ERROR_BELOW);
  canvas.fillStyle = failed || below ? colors.failed : colors.ink;
  const label = spanLabel(lines, line, names[lines.name[line]!] ?? "");
  canvas.fillText(fitted(canvas, label, area.names - left - FOLD_PX - 6), left + FOLD_PX, middle);
}

/** Draws what tells a line that was looked for. */
function drawFound(canvas: Canvas, { area, colors, lines }: Frame, line: number): void {
  const [left, top] = [indentOf(lines.depth[line]!), topOf(area, line)];
  canvas.fillStyle = colors.found;
  canvas.fillRect(left + FOLD_PX - 3, top + 3, area.names - left - FOLD_PX - 2, area.lineHeight - 6);
}

/** Few letters are wider: what fits even so is not measured. */
const WIDEST_PX = 14;

/** A text, cut so that it fits. */
function fitted(canvas: Canvas, { mark, name, rest }: ReturnType<typeof spanLabel>, width: number): string {
  // Isolated, so that letters which run from right to left leave the marks where they are.
  const whole = (part: string) => `${mark}\u2068${part}\u2069${rest}`;
  let shown = name;
  for (let tries = 0; tries < 4; tries++) {
    const text = whole(shown === name ? name : `${shown}…`);
    if (text.length * WIDEST_PX <= width) return text;
    const measured = canvas.measureText(text).width;
    if (measured <= width || shown === "") return text;
    shown = cut(shown, Math.floor((shown.length * Math.max(0, width - 12)) / measured));
  }
  return whole(`${shown}…`);
}

/** The beginning of a text, no letter of two halves torn apart. */
function cut(text: string, length: number): string {
  const code = text.charCodeAt(length - 1);
  return text.slice(0, code >= 0xd800 && code < 0xdc00 ? length - 1 : length);
}

function drawFold(
  canvas: Canvas,
  { left, middle, folded, color }: { left: number; middle: number; folded: boolean; color: string },
): void {
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
