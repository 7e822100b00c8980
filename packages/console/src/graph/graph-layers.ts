/** A line between boxes, by their places in the list of boxes. */
export interface LayoutEdge {
  from: number;
  to: number;
}

/**
 * The layer of each box: one more than the highest of those before it.
 *
 * Edges that would close a cycle count for nothing: grouped boxes can wait for each other.
 */
export function assignLayers(count: number, edges: readonly LayoutEdge[]): Int32Array {
  const next: number[][] = Array.from({ length: count }, () => []);
  for (const { from, to } of edges) if (from !== to) next[from]!.push(to);
  const order = topologicalOrder(next);
  const place = new Int32Array(count);
  order.forEach((box, at) => {
    place[box] = at;
  });
  const layers = new Int32Array(count);
  for (const from of order)
    for (const to of next[from]!) if (place[to]! > place[from]!) layers[to] = Math.max(layers[to]!, layers[from]! + 1);
  return layers;
}

/** Boxes so that each comes before those its edges lead to, but for edges back. Without recursion: chains are long. */
function topologicalOrder(next: readonly (readonly number[])[]): number[] {
  const seen = new Uint8Array(next.length);
  const order: number[] = [];
  const path: { box: number; at: number }[] = [];
  for (let root = 0; root < next.length; root++) {
    if (seen[root] === 1) continue;
    seen[root] = 1;
    path.push({ box: root, at: 0 });
    while (path.length > 0) {
      const top = path.at(-1)!;
      const to = next[top.box]![top.at++];
      if (to === undefined) {
        order.push(top.box);
        path.pop();
      } else if (seen[to] === 0) {
        seen[to] = 1;
        path.push({ box: to, at: 0 });
      }
    }
  }
  return order.reverse();
}
