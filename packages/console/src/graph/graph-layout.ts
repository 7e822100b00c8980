import { assignLayers, type LayoutEdge } from "./graph-layers.ts";
import { orderLayers } from "./graph-order.ts";

/** Where boxes and lines are. Units: pixels. */
export interface GraphLayout {
  /** Left upper corners, by box. */
  x: Float64Array;
  y: Float64Array;
  /** The points of each line, from the right side of a box to the left side of the other. */
  lines: readonly (readonly [x: number, y: number])[][];
  width: number;
  height: number;
}

export const BOX = { width: 190, height: 46 } as const;
const GAP = { x: 64, y: 14 } as const;
/** Between lines that pass boxes by. */
const LINE_GAP = 8;
/** Points that lines have on their way; where there would be more, lines go straight. */
const MOST_POINTS = 4_000;
/** How often boxes are moved to where what they hang on is. */
const MOVES = 10;

/** Lays boxes out in layers from left to right, each right of all that come before it. */
export function graphLayout(count: number, edges: readonly LayoutEdge[]): GraphLayout {
  const layers = assignLayers(count, edges);
  const way = routed(count, edges, layers);
  const order = orderLayers(way.layer, way.links);
  const y = settle(way, order, count);
  const xOf = (layer: number) => layer * (BOX.width + GAP.x);
  const x = Float64Array.from(layers, xOf);
  const lines = edges.map(({ from, to }, edge) => {
    const points: [number, number][] = [[x[from]! + BOX.width, y[from]! + BOX.height / 2]];
    for (const point of way.points[edge]!) {
      points.push([xOf(way.layer[point]!), y[point]!], [xOf(way.layer[point]!) + BOX.width, y[point]!]);
    }
    points.push([x[to]!, y[to]! + BOX.height / 2]);
    return points;
  });
  const bottoms = Array.from({ length: count }, (_, at) => y[at]! + BOX.height);
  return {
    x,
    y: y.slice(0, count),
    lines,
    width: layers.reduce((most, layer) => Math.max(most, xOf(layer) + BOX.width), 0),
    height: bottoms.reduce((most, bottom) => Math.max(most, bottom), 0),
  };
}

/** Boxes, then the points that lines have in the layers they cross; links go from one layer to the next. */
interface Routed {
  layer: number[];
  links: LayoutEdge[];
  /** Points on the way of each line. */
  points: number[][];
}

function routed(count: number, edges: readonly LayoutEdge[], layers: Int32Array): Routed {
  const layer = [...layers];
  const links: LayoutEdge[] = [];
  const points = edges.map(({ from, to }) => {
    // A line back, of a cycle, has no points on its way; nor have those for which there is no room.
    const isShort = layer[to]! - layer[from]! < 2 || layer.length - count > MOST_POINTS;
    if (isShort) {
      links.push({ from, to });
      return [];
    }
    const way: number[] = [];
    let last = from;
    for (let at = layer[from]! + 1; at < layer[to]!; at++) {
      layer.push(at);
      links.push({ from: last, to: layer.length - 1 });
      last = layer.length - 1;
      way.push(last);
    }
    links.push({ from: last, to });
    return way;
  });
  return { layer, links, points };
}

/** Heights: each moves towards the middle of what it is linked to, as far as its neighbours in the layer let it. */
function settle({ layer, links }: Routed, order: readonly (readonly number[])[], count: number): Float64Array {
  const y = new Float64Array(layer.length);
  const size = (at: number) => (at < count ? BOX.height : 0);
  const gap = (a: number, b: number) => (a < count && b < count ? GAP.y : LINE_GAP);
  const middle = (at: number) => y[at]! + size(at) / 2;
  for (const column of order) {
    column.forEach((at, place) => {
      const before = column[place - 1];
      y[at] = before === undefined ? 0 : y[before]! + size(before) + gap(before, at);
    });
  }
  const linked: number[][] = layer.map(() => []);
  for (const { from, to } of links) {
    linked[from]!.push(to);
    linked[to]!.push(from);
  }
  for (let move = 0; move < MOVES; move++) {
    for (const column of move % 2 === 0 ? order : order.toReversed()) {
      const wanted = column.map((at) => {
        const near = linked[at]!;
        if (near.length === 0) return y[at]!;
        return near.reduce((sum, each) => sum + middle(each), 0) / near.length - size(at) / 2;
      });
      place(column, wanted, y, (a, b) => size(a) + gap(a, b));
    }
  }
  const top = y.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
  return y.map((each) => each - top);
}

/** Puts a column as near to what is wanted as its order and distances allow: the mean of pushing down and pushing up. */
function place(
  column: readonly number[],
  wanted: readonly number[],
  y: Float64Array,
  distance: (above: number, below: number) => number,
): void {
  const down = [...wanted];
  for (let at = 1; at < column.length; at++)
    down[at] = Math.max(down[at]!, down[at - 1]! + distance(column[at - 1]!, column[at]!));
  const up = [...wanted];
  for (let at = column.length - 2; at >= 0; at--)
    up[at] = Math.min(up[at]!, up[at + 1]! - distance(column[at]!, column[at + 1]!));
  column.forEach((each, at) => {
    y[each] = (down[at]! + up[at]!) / 2;
  });
}
