/** Rows of one height in a box that scrolls: which of them are drawn, and how high what is not is. */
export interface VisibleRows {
  from: number;
  to: number;
  aboveHeight: number;
  belowHeight: number;
}

/** Rows drawn beyond what is seen, so that a scroll shows no gap before it is drawn. */
const SPARE_ROWS = 12;

export function visibleRows(count: number, rowHeight: number, scroll: { top: number; height: number }): VisibleRows {
  const from = Math.min(count, Math.max(0, Math.floor(scroll.top / rowHeight) - SPARE_ROWS));
  const to = Math.min(count, Math.ceil((scroll.top + scroll.height) / rowHeight) + SPARE_ROWS);
  return {
    from,
    to: Math.max(from, to),
    aboveHeight: from * rowHeight,
    belowHeight: (count - Math.max(from, to)) * rowHeight,
  };
}
