/** Where a bar lies, in cells from the left edge, fractions of a cell included. */
export interface BarSpan {
  readonly from: number;
  readonly to: number;
  /** Goes on: it has no end yet. */
  readonly open: boolean;
}

/** A bar as text, and the cells to leave free before it. */
export interface Bar {
  readonly indent: number;
  readonly text: string;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"] as const;

/**
 * A solid bar for a span that does work, exact to an eighth of a cell at its end and half a cell at its start; the
 * block characters know no finer start. It is never empty.
 */
export function solidBar({ from, to, open }: BarSpan, cells: number): Bar {
  const start = Math.min(Math.max(from, 0), cells - 1 / 8);
  const end = Math.min(Math.max(to, start + 1 / 8), cells);
  const indent = Math.floor(start);
  if (open) return { indent, text: `${"█".repeat(Math.max(0, Math.ceil(end) - indent - 1))}▶` };
  if (end - start < 1) return shortBar(start, end);
  const last = EIGHTHS[Math.round((end - Math.floor(end)) * 8)]!;
  const first = start - indent >= 0.5 ? "▐" : "█";
  return { indent, text: first + "█".repeat(Math.floor(end) - indent - 1) + last };
}

/** A bar of less than a cell, in the one cell that holds most of it. */
function shortBar(start: number, end: number): Bar {
  const boundary = Math.floor(start) + 1;
  if (end - boundary > boundary - start) return { indent: boundary, text: eighths(end - boundary) };
  const inCell = Math.min(end, boundary) - start;
  const atRight = start >= boundary - 0.5;
  return { indent: boundary - 1, text: atRight ? (inCell > 1 / 4 ? "▐" : "▕") : eighths(inCell) };
}

function eighths(width: number): string {
  return EIGHTHS[Math.min(8, Math.max(1, Math.round(width * 8)))]!;
}

/** A line for a span that only contains others (a job, a task), exact to half a cell. It is never empty. */
export function lineBar({ from, to, open }: BarSpan, cells: number): Bar {
  const start = Math.min(Math.max(Math.round(from * 2), 0), cells * 2 - 1);
  const end = Math.min(Math.max(Math.round(to * 2), start + 1), cells * 2);
  const indent = Math.floor(start / 2);
  const last = Math.ceil(end / 2) - 1;
  const glyph = (cell: number): string => {
    if (open && cell === last) return "▷";
    const [left, right] = [cell * 2 >= start, cell * 2 + 2 <= end];
    if (left && right) return "━";
    return left ? "╸" : "╺";
  };
  return { indent, text: Array.from({ length: last - indent + 1 }, (_, index) => glyph(indent + index)).join("") };
}
