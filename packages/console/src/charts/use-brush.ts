import { type PointerEvent, useState } from "react";

/** A point within an element, in its pixels. */
export interface Point {
  x: number;
  y: number;
}

/** What is dragged over an element. */
export interface Brush {
  from: Point;
  to: Point;
}

/** Follows a pointer over an element, and what it drags. */
export interface BrushUse {
  /** Where the pointer is; undefined while it is elsewhere. */
  at: Point | undefined;
  /** What is being dragged. */
  brush: Brush | undefined;
  handlers: {
    onPointerMove: (event: PointerEvent) => void;
    onPointerDown: (event: PointerEvent) => void;
    onPointerUp: (event: PointerEvent) => void;
    onPointerLeave: () => void;
    onPointerCancel: () => void;
  };
}

/** Tells of a drag when it ends; a press without a drag is one from a point to itself. */
export function useBrush(onBrush: (brush: Brush) => void): BrushUse {
  const [at, setAt] = useState<Point>();
  const [from, setFrom] = useState<Point>();
  const pointOf = (event: PointerEvent): Point => {
    const box = event.currentTarget.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  return {
    at,
    brush: from && at && { from, to: at },
    handlers: {
      onPointerMove: (event) => setAt(pointOf(event)),
      onPointerDown: (event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setFrom(pointOf(event));
        setAt(pointOf(event));
      },
      onPointerUp: (event) => {
        if (from) onBrush({ from, to: pointOf(event) });
        setFrom(undefined);
      },
      onPointerLeave: () => {
        if (!from) setAt(undefined);
      },
      onPointerCancel: () => setFrom(undefined),
    },
  };
}
