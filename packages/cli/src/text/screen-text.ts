import { clip } from "@spanloom/query";

/**
 * A text drawn over what a terminal shows, from its upper left: cut to the screen, nothing of what was there left over.
 *
 * Each line is cleared as it is written, not the screen before, which would flicker; the cursor is never hidden, so that
 * whatever ends the program leaves a terminal that can be used.
 */
export function screenText(text: string, { columns, rows }: { columns: number; rows: number }): string {
  const lines = text.trimEnd().split("\n");
  // The line below stays free for the cursor: a line feed in the last one would scroll.
  const fitting = lines.slice(0, Math.max(rows - 1, 1));
  if (fitting.length < lines.length) fitting[fitting.length - 1] = `… ${lines.length - fitting.length + 1} more lines`;
  return `\u001b[H${fitting.map((line) => `${clip(line, columns)}\u001b[K\n`).join("")}\u001b[J`;
}
