import type { LayoutEdge } from "./graph-layers.ts";

/** How often layers are sorted by what they are linked to, forth and back. */
const SWEEPS = 6;

/** What is in each layer, from the top, so that few links cross: each near the middle of what it is linked to. */
export function orderLayers(layer: readonly number[], links: readonly LayoutEdge[]): number[][] {
  const columns: number[][] = Array.from(
    { length: 1 + layer.reduce((most, each) => Math.max(most, each), -1) },
    () => [],
  );
  layer.forEach((each, at) => {
    columns[each]!.push(at);
  });
  const before: number[][] = layer.map(() => []);
  const after: number[][] = layer.map(() => []);
  for (const { from, to } of links) {
    before[to]!.push(from);
    after[from]!.push(to);
  }
  const place = new Float64Array(layer.length);
  const number = (column: readonly number[]) =>
    column.forEach((at, index) => {
      place[at] = index;
    });
  for (const column of columns) number(column);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forth = sweep % 2 === 0;
    for (const column of forth ? columns : columns.toReversed()) {
      const linked = forth ? before : after;
      const wanted = new Map(column.map((at) => [at, meanPlace(linked[at]!, place) ?? place[at]!]));
      column.sort((a, b) => wanted.get(a)! - wanted.get(b)! || place[a]! - place[b]!);
      number(column);
    }
  }
  return columns;
}

function meanPlace(linked: readonly number[], place: Float64Array): number | undefined {
  if (linked.length === 0) return undefined;
  return linked.reduce((sum, at) => sum + place[at]!, 0) / linked.length;
}
