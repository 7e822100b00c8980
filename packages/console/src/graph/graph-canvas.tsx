import { type KeyboardEvent, type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { GraphBox } from "./graph-box.tsx";
import { BOX, type GraphLayout, graphLayout } from "./graph-layout.ts";
import { fit, moveBy, reveal, type Size, type ViewBox, zoomBy } from "./graph-view-box.ts";
import { nextBox } from "./next-box.ts";
import type { GraphNode, TaskGraph } from "./task-graph.ts";

interface GraphCanvasProps {
  graph: TaskGraph;
  selected: string | undefined;
  onSelect: (node: GraphNode) => void;
  onTurn: (node: GraphNode) => void;
}

/** The boxes and lines, moved by dragging or the wheel and zoomed with Ctrl or by keys. */
export function GraphCanvas({ graph, selected, onSelect, onTurn }: GraphCanvasProps) {
  const frame = useRef<HTMLDivElement>(null);
  const layout = useLayout(graph);
  const [size, setSize] = useState<Size>();
  const [view, setView] = useState<ViewBox>();
  useFrame(frame, setSize);
  // All of it is shown as long as the user has not chosen what part.
  const shown = view ?? (size ? fit(layout, size, (layout.y[0] ?? 0) + BOX.height / 2) : undefined);
  const change = (next: (before: ViewBox) => ViewBox) => shown && setView(next(shown));
  const middle = { x: (size?.width ?? 0) / 2, y: (size?.height ?? 0) / 2 };
  const zoom = (factor: number, about = middle) => change((before) => zoomBy(before, factor, about));
  const move = (x: number, y: number) => size && change((before) => moveBy(before, { x, y }, layout, size));
  useWheel(frame, { zoom, move });
  const show = (at: number) => {
    if (!size || !shown || at < 0) return;
    const next = reveal(shown, { x: layout.x[at]!, y: layout.y[at]!, ...BOX }, size);
    if (next.x !== shown.x || next.y !== shown.y) setView(next);
  };
  // The panel of what is selected takes room: what it is of stays in sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a selection or another size moves it.
  useEffect(() => show(graph.nodes.findIndex(({ key }) => key === selected)), [selected, size?.width]);
  const press = (event: KeyboardEvent<HTMLElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") setView(undefined);
    else if (!focusNext(event, layout)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: what it does by pointer, buttons and keys do as well.
    <div ref={frame} className="graph-frame" onKeyDown={press} {...dragging(move)}>
      {shown && (
        <div className="graph-world" style={{ transform: `translate(${shown.x}px, ${shown.y}px) scale(${shown.k})` }}>
          <Lines graph={graph} layout={layout} selected={selected} />
          {graph.nodes.map((node, at) => (
            <GraphBox
              key={node.key}
              node={node}
              at={at}
              style={{ left: layout.x[at]!, top: layout.y[at]!, ...BOX }}
              selected={node.key === selected}
              onSelect={() => onSelect(node)}
              onTurn={() => onTurn(node)}
              onFocus={() => show(at)}
            />
          ))}
        </div>
      )}
      <div className="graph-tools">
        <button
          type="button"
          className="icon-button"
          aria-label="Zoom out"
          title="Zoom out (-)"
          onClick={() => zoom(0.8)}
        >
          −
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label="Zoom in"
          title="Zoom in (+)"
          onClick={() => zoom(1.25)}
        >
          +
        </button>
        <button type="button" className="icon-button" title="Show all (0)" onClick={() => setView(undefined)}>
          fit
        </button>
      </div>
    </div>
  );
}

function useLayout({ nodes, edges }: TaskGraph): GraphLayout {
  // A task that changes its state moves no box: only other boxes or lines do.
  const shape = `${nodes.map(({ key }) => key).join("\n")}\n\n${edges.map(({ from, to }) => `${from} ${to}`).join("\n")}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape is all that the layout is made of.
  return useMemo(() => {
    const places = new Map(nodes.map(({ key }, at) => [key, at]));
    return graphLayout(
      nodes.length,
      edges.map(({ from, to }) => ({ from: places.get(from)!, to: places.get(to)! })),
    );
  }, [shape]);
}

function useFrame(frame: { current: HTMLElement | null }, tell: (size: Size) => void): void {
  useLayoutEffect(() => {
    const element = frame.current!;
    const measure = () => tell({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    return () => resized.disconnect();
  }, [frame, tell]);
}

interface Moves {
  zoom: (factor: number, about: { x: number; y: number }) => void;
  move: (x: number, y: number) => void;
}

function useWheel(frame: { current: HTMLElement | null }, moves: Moves): void {
  const latest = useRef(moves);
  latest.current = moves;
  useEffect(() => {
    const element = frame.current!;
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      const { left, top } = element.getBoundingClientRect();
      const { zoom, move } = latest.current;
      if (event.ctrlKey || event.metaKey)
        zoom(1.0015 ** -event.deltaY, { x: event.clientX - left, y: event.clientY - top });
      else if (event.shiftKey) move(-event.deltaY || -event.deltaX, 0);
      else move(-event.deltaX, -event.deltaY);
    };
    // Only a listener that is not passive keeps the page from scrolling.
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, [frame]);
}

/** Moves while a button is held on the ground; boxes are pressed, not dragged. */
function dragging(move: Moves["move"]) {
  const isGround = (event: PointerEvent<HTMLElement>) => !(event.target as Element).closest(".graph-box, .graph-tools");
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.button === 0 && isGround(event)) event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (event.currentTarget.hasPointerCapture(event.pointerId)) move(event.movementX, event.movementY);
    },
  };
}

/** Moves the focus to the box that an arrow points to. Gives whether the key is an arrow. */
function focusNext(event: KeyboardEvent<HTMLElement>, layout: GraphLayout): boolean {
  const from = Number((event.target as HTMLElement).dataset.at ?? -1);
  const next = nextBox(event.key, from, layout);
  if (next === undefined) return false;
  event.currentTarget.querySelector<HTMLElement>(`[data-at="${next}"]`)?.focus({ preventScroll: true });
  return true;
}

function Lines({ graph, layout, selected }: { graph: TaskGraph; layout: GraphLayout; selected: string | undefined }) {
  return (
    <svg className="graph-lines" width={layout.width} height={layout.height} aria-hidden="true">
      <defs>
        <marker id="graph-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 0L8 4L0 8z" className="graph-arrow" />
        </marker>
      </defs>
      {graph.edges.map(({ from, to, kind }, at) => (
        <path
          key={`${from} ${to}`}
          d={pathOf(layout.lines[at] ?? [])}
          className={`graph-line graph-${kind} ${selected === from || selected === to ? "graph-near" : ""}`}
          markerEnd={kind === "awaited" ? "url(#graph-arrow)" : undefined}
        />
      ))}
    </svg>
  );
}

/** A line through points that leaves and enters each of them level. */
function pathOf(points: GraphLayout["lines"][number]): string {
  return points
    .map(([x, y], at) => {
      const before = points[at - 1];
      if (!before) return `M${x} ${y}`;
      if (before[1] === y) return `L${x} ${y}`;
      const half = (before[0] + x) / 2;
      return `C${half} ${before[1]} ${half} ${y} ${x} ${y}`;
    })
    .join("");
}
