import { type KeyboardEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { isAtEnd, type RowArea, rowOfKey, rowsToDraw, scrollToRow } from "./virtual-rows.ts";

/** A list that may be as long as it likes. */
export interface VirtualListProps {
  label: string;
  count: number;
  /** Every row is so many pixels high. */
  rowHeight: number;
  /** What a row has in it; it is called for rows in sight only. */
  row: (at: number) => ReactNode;
  /** Further classes of a row. */
  rowClass?: (at: number) => string;
  /** -1 when no row is. */
  selected: number;
  onSelect: (at: number) => void;
  /** Stays at the end as rows come. */
  follow?: boolean;
  /** Told when the user scrolls away from the end, or back to it. */
  onFollow?: (follow: boolean) => void;
}

/** A list of rows of one height, of which only those in sight are drawn; walked by the arrow keys. */
export function VirtualList(props: VirtualListProps) {
  const { label, count, rowHeight, row, rowClass, selected, onSelect, follow = false, onFollow } = props;
  const frame = useRef<HTMLDivElement>(null);
  const id = useId();
  const [seen, setSeen] = useState({ height: 0, scrollTop: 0 });
  const area: RowArea = { count, rowHeight, ...seen };
  useSize(frame, (height) => setSeen((before) => ({ ...before, height })));
  useLayoutEffect(() => {
    if (follow && frame.current) frame.current.scrollTop = count * rowHeight;
  }, [follow, count, rowHeight]);
  useLayoutEffect(() => {
    const { current } = frame;
    if (!current || selected < 0) return;
    const { clientHeight: height, scrollTop } = current;
    const to = scrollToRow({ count: 0, rowHeight, height, scrollTop }, selected);
    if (to !== scrollTop) current.scrollTop = to;
  }, [selected, rowHeight]);
  const scrolled = () => {
    const { scrollTop, clientHeight: height } = frame.current!;
    setSeen({ scrollTop, height });
    const atEnd = isAtEnd({ count, rowHeight, height, scrollTop });
    if (atEnd !== follow) onFollow?.(atEnd);
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = rowOfKey(event.key, selected, area);
    if (next === undefined) return;
    event.preventDefault();
    onSelect(next);
  };
  const [first, last] = rowsToDraw(area);
  return (
    <div
      ref={frame}
      className="virtual"
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={selected >= first && selected < last ? `${id}${selected}` : undefined}
      onScroll={scrolled}
      onKeyDown={press}
    >
      <div role="presentation" style={{ height: count * rowHeight }} className="virtual-all">
        {Array.from({ length: last - first }, (_, step) => first + step).map((at) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the list's, which has the focus.
          // biome-ignore lint/a11y/useFocusableInteractive: the focus stays at the list; it tells which row is active.
          <div
            key={at}
            id={`${id}${at}`}
            role="option"
            aria-selected={at === selected}
            aria-setsize={count}
            aria-posinset={at + 1}
            className={`virtual-row ${rowClass?.(at) ?? ""}`}
            style={{ top: at * rowHeight, height: rowHeight }}
            onClick={() => onSelect(at)}
          >
            {row(at)}
          </div>
        ))}
      </div>
    </div>
  );
}

/** Tells how high an element is, whenever that changes. */
function useSize(element: { current: HTMLElement | null }, tell: (height: number) => void): void {
  const latest = useRef(tell);
  latest.current = tell;
  useEffect(() => {
    const { current } = element;
    if (!current) return undefined;
    const resized = new ResizeObserver(() => latest.current(current.clientHeight));
    resized.observe(current);
    return () => resized.disconnect();
  }, [element]);
}
