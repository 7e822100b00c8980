import type { SpanColumns } from "./span-columns.ts";
import { ERROR } from "./span-facts.ts";
import type { TreeOrder } from "./tree-order.ts";

/** What is looked for. */
export interface SpanSearch {
  /** Part of a name, or a whole span id; upper and lower case are one. */
  text: string;
  /** Failed spans only. */
  errors: boolean;
}

/** Positions in the tree of the spans that are looked for, in the order they are shown; all when nothing is asked. */
export function searchSpans(
  { columns, tree, names }: { columns: SpanColumns; tree: TreeOrder; names: readonly string[] },
  { text, errors }: SpanSearch,
): Int32Array {
  const wanted = text.trim().toLowerCase();
  // There are few names however many spans there are.
  const matches = Uint8Array.from(names, (name) => (name.toLowerCase().includes(wanted) ? 1 : 0));
  const [high, low] = idOf(wanted);
  const found = new Int32Array(tree.order.length);
  let count = 0;
  for (let at = 0; at < tree.order.length; at++) {
    const row = tree.order[at]!;
    if (errors && (columns.facts[row]! & ERROR) === 0) continue;
    const isId = (high | low) !== 0 && columns.idHigh[row] === high && columns.idLow[row] === low;
    if (isId || matches[columns.name[row]!] === 1) found[count++] = at;
  }
  return found.slice(0, count);
}

function idOf(text: string): [number, number] {
  if (!/^[0-9a-f]{16}$/.test(text)) return [0, 0];
  return [Number.parseInt(text.slice(0, 8), 16), Number.parseInt(text.slice(8), 16)];
}

/** The rows above a position, nearest last: what has to be unfolded for it to be seen. */
export function rowsAbove({ order, depth }: TreeOrder, position: number): number[] {
  const rows: number[] = [];
  let level = depth[position]!;
  for (let at = position - 1; at >= 0 && level > 0; at--) {
    if (depth[at]! >= level) continue;
    level = depth[at]!;
    rows.push(order[at]!);
  }
  return rows.reverse();
}
