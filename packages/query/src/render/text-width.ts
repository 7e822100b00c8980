import stringWidth from "string-width";

/** Text as it fits a terminal: widths are in cells, a wide character takes two. */

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Text that cannot steer a terminal: control characters, line breaks and bidirectional overrides become "�".
 *
 * Span names come from anywhere, and a terminal obeys what is in them.
 */
export function plainText(text: string): string {
  return text.replace(CONTROL, "�");
}

/** Cells a text takes. */
export function cellWidth(text: string): number {
  return stringWidth(text);
}

/** Text cut to at most `cells`, the last of them "…" when something was cut. */
export function clip(text: string, cells: number): string {
  if (cellWidth(text) <= cells) return text;
  let clipped = "";
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    const next = cellWidth(segment);
    if (width + next > cells - 1) break;
    clipped += segment;
    width += next;
  }
  return cells > 0 ? `${clipped}…` : "";
}

/** Text cut or filled with spaces on the right to exactly `cells`. */
export function fitLeft(text: string, cells: number): string {
  const clipped = clip(text, cells);
  return clipped + " ".repeat(Math.max(0, cells - cellWidth(clipped)));
}

/** Text cut or filled with spaces on the left to exactly `cells`. */
export function fitRight(text: string, cells: number): string {
  const clipped = clip(text, cells);
  return " ".repeat(Math.max(0, cells - cellWidth(clipped))) + clipped;
}
