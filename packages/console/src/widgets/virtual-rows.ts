/** Where a list of rows of one height is scrolled to. Units: pixels. */
export interface RowArea {
  count: number;
  rowHeight: number;
  height: number;
  scrollTop: number;
}

/** Rows that are drawn above and below what is in sight, so that scrolling shows no gaps. */
const BEYOND = 8;

/** The rows to draw: first, and one past the last. */
export function rowsToDraw({ count, rowHeight, height, scrollTop }: RowArea): [first: number, last: number] {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - BEYOND);
  const last = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + BEYOND);
  return [Math.min(first, last), last];
}

/** How far to scroll so that a row is in sight; as it is when it is already. */
export function scrollToRow({ rowHeight, height, scrollTop }: RowArea, row: number): number {
  const [least, most] = [(row + 1) * rowHeight - height, row * rowHeight];
  return Math.max(0, Math.min(most, Math.max(least, scrollTop)));
}

/** Whether the last row is in sight: such a list goes on with what comes. */
export function isAtEnd({ count, rowHeight, height, scrollTop }: RowArea): boolean {
  return scrollTop + height >= (count - 1) * rowHeight;
}

/** The row that a key goes to; undefined when the key goes nowhere. Without a row the first key goes to one in sight. */
export function rowOfKey(key: string, row: number, area: RowArea): number | undefined {
  const page = Math.max(1, Math.floor(area.height / area.rowHeight) - 1);
  const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
  if (area.count === 0) return undefined;
  if (key === "Home") return 0;
  if (key === "End") return area.count - 1;
  const step = steps[key];
  if (step === undefined) return undefined;
  if (row === -1) return Math.min(area.count - 1, Math.ceil(area.scrollTop / area.rowHeight));
  return Math.min(area.count - 1, Math.max(0, row + step));
}
