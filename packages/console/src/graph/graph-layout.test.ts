import { describe, expect, it } from "vitest";
import { assignLayers, type LayoutEdge } from "./graph-layers.ts";
import { BOX, graphLayout } from "./graph-layout.ts";
import { orderLayers } from "./graph-order.ts";
import { fit, moveBy, reveal, zoomBy } from "./graph-view-box.ts";

const edges = (...pairs: [number, number][]): LayoutEdge[] => pairs.map(([from, to]) => ({ from, to }));

describe("the layers of a graph", () => {
  it("put each box right of all that come before it", () => {
    expect([...assignLayers(5, edges([0, 1], [1, 2], [0, 2], [3, 2]))]).toEqual([0, 1, 2, 0, 0]);
  });

  it("take no harm from cycles, nor from long chains", () => {
    expect([...assignLayers(3, edges([0, 1], [1, 2], [2, 0], [1, 1]))]).toEqual([0, 1, 2]);
    const chain = Array.from({ length: 20_000 }, (_, at) => ({ from: at, to: at + 1 }));
    expect(assignLayers(20_001, chain).at(-1)).toBe(20_000);
  });

  it("are ordered so that parallel links do not cross", () => {
    expect(orderLayers([0, 0, 0, 1, 1, 1], edges([0, 5], [1, 4], [2, 3]))).toEqual([
      [0, 1, 2],
      [5, 4, 3],
    ]);
  });
});

describe("the layout of a graph", () => {
  /** Whether any two boxes of a layout are on each other. */
  function overlaps({ x, y }: { x: Float64Array; y: Float64Array }): boolean {
    return [...x].some((left, a) =>
      [...x].some((other, b) => a < b && left === other && Math.abs(y[a]! - y[b]!) < BOX.height),
    );
  }

  it("puts what follows one box at its height, and what hangs on it about it", () => {
    const line = graphLayout(3, edges([0, 1], [1, 2]));
    expect([line.y[0], line.y[1], line.y[2]]).toEqual([0, 0, 0]);
    const fan = graphLayout(4, edges([0, 1], [0, 2], [0, 3]));
    expect(fan.y[0]).toBeCloseTo(fan.y[2]!);
    expect(fan.height).toBeCloseTo(fan.y[3]! + BOX.height);
  });

  it("lays no box on another, whatever the lines", () => {
    const pairs = Array.from({ length: 300 }, (_, at): [number, number] => [(at * 7) % 100, (at * 13 + 5) % 120]);
    const layout = graphLayout(120, edges(...pairs));
    expect([overlaps(layout), Math.min(...layout.y) >= 0]).toEqual([false, true]);
  });

  it("leads long lines past the boxes between", () => {
    const { lines, y } = graphLayout(3, edges([0, 1], [1, 2], [0, 2]));
    const [, from, to] = lines[2]!;
    expect(lines.map((points) => points.length)).toEqual([2, 2, 4]);
    expect(from![1]).toBe(to![1]);
    expect(from![1] <= y[1]! || from![1] >= y[1]! + BOX.height).toBe(true);
  });

  it("of nothing is nothing", () => {
    expect(graphLayout(0, [])).toMatchObject({ width: 0, height: 0, lines: [] });
  });
});

describe("what is shown of a graph", () => {
  const frame = { width: 1_000, height: 500 };

  it("is all of it in the middle, or the left part of what would be too small", () => {
    expect(fit({ width: 200, height: 100 }, frame, 50)).toEqual({ x: 400, y: 200, k: 1 });
    expect(fit({ width: 9_000, height: 100 }, frame, 50)).toEqual({ x: 16, y: 217.5, k: 0.65 });
  });

  it("begins at the height where the graph begins when it is too high, and has no empty room beyond its ends", () => {
    const tall = { width: 200, height: 4_000 };
    expect([0, 2_000, 4_000].map((beginsAt) => fit(tall, frame, beginsAt).y)).toEqual([16, -1_050, -2_116]);
  });

  it("zooms about a point, which stays where it is, and within bounds", () => {
    const view = { x: 10, y: 20, k: 1 };
    const zoomed = zoomBy(view, 1.5, { x: 110, y: 120 });
    expect(zoomed).toEqual({ x: -40, y: -30, k: 1.5 });
    expect([zoomBy(view, 100, { x: 0, y: 0 }).k, zoomBy(view, 0.001, { x: 0, y: 0 }).k]).toEqual([2, 0.15]);
  });

  it("moves, but never out of sight", () => {
    const graph = { width: 300, height: 300 };
    expect(moveBy({ x: 0, y: 0, k: 1 }, { x: 5, y: -5 }, graph, frame)).toEqual({ x: 5, y: -5, k: 1 });
    expect(moveBy({ x: 0, y: 0, k: 1 }, { x: 9_999, y: -9_999 }, graph, frame)).toEqual({ x: 920, y: -220, k: 1 });
  });

  it("moves as little as is needed to show a box", () => {
    const view = { x: 0, y: 0, k: 1 };
    const box = { x: 100, y: 100, ...BOX };
    expect(reveal(view, box, frame)).toEqual(view);
    expect(reveal(view, { ...box, x: 2_000 }, frame)).toEqual({ x: 1_000 - 16 - 2_000 - BOX.width, y: 0, k: 1 });
    expect(reveal({ ...view, y: -500 }, box, frame).y).toBe(-84);
  });
});
