/** What part of the graph is shown: a point of it is at `x + k * its place`. Units: pixels. */
export interface ViewBox {
  x: number;
  y: number;
  /** How large it is drawn. */
  k: number;
}

export interface Size {
  width: number;
  height: number;
}

const MARGIN = 16;
/** Text smaller than this cannot be read, larger helps nobody. */
const ZOOM = { least: 0.15, most: 2 } as const;
/** What is fitted in is not made smaller than this. */
const LEAST_FIT = 0.65;

/**
 * All of it in the middle, no larger than it is; of what would be too small to be read that way the left part, about the
 * height of where it begins.
 */
export function fit(graph: Size, frame: Size, beginsAt: number): ViewBox {
  const whole = Math.min((frame.width - 2 * MARGIN) / graph.width, (frame.height - 2 * MARGIN) / graph.height, 1);
  const k = Math.max(LEAST_FIT, whole);
  const x = Math.max(MARGIN, (frame.width - graph.width * k) / 2);
  if (graph.height * k + 2 * MARGIN <= frame.height) return { x, y: (frame.height - graph.height * k) / 2, k };
  const y = frame.height / 2 - beginsAt * k;
  return { x, y: Math.min(MARGIN, Math.max(frame.height - MARGIN - graph.height * k, y)), k };
}

/** Zooms by a factor about a point of the frame. */
export function zoomBy(view: ViewBox, factor: number, about: { x: number; y: number }): ViewBox {
  const k = Math.min(ZOOM.most, Math.max(ZOOM.least, view.k * factor));
  const scale = k / view.k;
  return { x: about.x - (about.x - view.x) * scale, y: about.y - (about.y - view.y) * scale, k };
}

/** Moves by pixels; some of the graph stays in sight. */
export function moveBy(view: ViewBox, by: { x: number; y: number }, graph: Size, frame: Size): ViewBox {
  const kept = 80;
  const clamp = (at: number, size: number, room: number) => Math.min(room - kept, Math.max(kept - size * view.k, at));
  return {
    x: clamp(view.x + by.x, graph.width, frame.width),
    y: clamp(view.y + by.y, graph.height, frame.height),
    k: view.k,
  };
}

/** Moves as little as is needed for a box to be in sight. */
export function reveal(view: ViewBox, box: { x: number; y: number } & Size, frame: Size): ViewBox {
  const into = (at: number, start: number, size: number, room: number) => {
    const from = at + start * view.k;
    if (from < MARGIN) return MARGIN - start * view.k;
    const over = from + size * view.k - (room - MARGIN);
    return over > 0 ? at - over : at;
  };
  return {
    x: into(view.x, box.x, box.width, frame.width),
    y: into(view.y, box.y, box.height, frame.height),
    k: view.k,
  };
}
