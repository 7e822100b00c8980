import { COLLAPSED, ENDED_EARLY, ERROR, ERROR_BELOW, OPEN } from "./span-facts.ts";
import type { Lines } from "./visible-lines.ts";

/** What a pixel of many bars shows; of several the largest wins, so that an error is never covered. */
export const pixelKinds = { nothing: 0, endedEarly: 1, ended: 2, open: 3, error: 4 } as const;

/** Which kind a bar is of. */
export function pixelKind(facts: number): number {
  if ((facts & ERROR) !== 0) return pixelKinds.error;
  if ((facts & OPEN) !== 0) return pixelKinds.open;
  return (facts & ENDED_EARLY) !== 0 ? pixelKinds.endedEarly : pixelKinds.ended;
}

/** Joins bars into a line of pixels. */
export class PixelLine {
  readonly pixels: Uint8Array;

  constructor(width: number) {
    this.pixels = new Uint8Array(Math.max(0, Math.ceil(width)));
  }

  /** Adds a bar, at least a pixel of it if any of it is in sight. */
  add(fromX: number, toX: number, kind: number): void {
    const { pixels } = this;
    if (toX < 0 || fromX >= pixels.length) return;
    const first = Math.max(0, Math.floor(fromX));
    const last = Math.min(pixels.length, Math.max(first + 1, Math.ceil(toX)));
    for (let x = first; x < last; x++) if (pixels[x]! < kind) pixels[x] = kind;
  }

  /** Calls back for each stretch of one kind. */
  forEachRun(draw: (from: number, to: number, kind: number) => void): void {
    const { pixels } = this;
    for (let from = 0; from < pixels.length; ) {
      let to = from + 1;
      while (to < pixels.length && pixels[to] === pixels[from]) to++;
      if (pixels[from] !== 0) draw(from, to, pixels[from]!);
      from = to;
    }
  }
}

const HIDES_ERROR = COLLAPSED | ERROR_BELOW;

/**
 * Lines from the top by rows of pixels, for a bar beside the lines: where in a long list errors are, and what is open.
 */
export function lineDensity({ count, facts }: Pick<Lines, "count" | "facts">, height: number): Uint8Array {
  const kinds = new Uint8Array(height);
  for (let line = 0; line < count; line++) {
    const fact = facts[line]!;
    const below = (fact & HIDES_ERROR) === HIDES_ERROR;
    if (!below && (fact & (ERROR | OPEN)) === 0) continue;
    const kind = below ? pixelKinds.error : pixelKind(fact);
    const y = Math.min(height - 1, Math.floor((line / count) * height));
    if (kinds[y]! < kind) kinds[y] = kind;
  }
  return kinds;
}
