import type { Canvas } from "../draw-waterfall.ts";

/** A rectangle or text that was drawn, with what held then. */
export interface Drawn {
  kind: "rect" | "text";
  x: number;
  y: number;
  /** 0 of text. */
  width: number;
  height: number;
  /** Empty of rectangles. */
  text: string;
  color: string;
  alpha: number;
}

/** Width of each letter of a canvas for tests. */
export const LETTER_PX = 6;

/** A canvas that remembers what is drawn on it, as the drawing code calls it. */
export function recordedCanvas(): { canvas: Canvas; drawn: Drawn[] } {
  const drawn: Drawn[] = [];
  const state = { fillStyle: "", strokeStyle: "", globalAlpha: 1, font: "", textBaseline: "" };
  const nothing = () => undefined;
  const add = (entry: Pick<Drawn, "kind" | "x" | "y"> & Partial<Drawn>) =>
    drawn.push({ width: 0, height: 0, text: "", color: state.fillStyle, alpha: state.globalAlpha, ...entry });
  const canvas = Object.assign(state, {
    fillRect: (x: number, y: number, width: number, height: number) => add({ kind: "rect", x, y, width, height }),
    fillText: (text: string, x: number, y: number) => add({ kind: "text", x, y, text }),
    measureText: (text: string) => ({ width: text.length * LETTER_PX }),
    strokeRect: nothing,
    save: nothing,
    restore: nothing,
    beginPath: nothing,
    rect: nothing,
    clip: nothing,
    moveTo: nothing,
    lineTo: nothing,
    fill: nothing,
  });
  return { canvas: canvas as unknown as Canvas, drawn };
}
