import { type Sight, showsAll } from "./sight.ts";
import { type TimeScale, timeAt, within, xOf } from "./time-scale.ts";

/** A drag over the minimap that has begun. */
export interface MinimapDrag {
  /** Whether it draws what is to be shown anew, or moves what is shown. */
  kind: "select" | "move";
  /** Where it began, in pixels of the minimap. */
  fromX: number;
  /** What was in sight then. */
  scale: TimeScale;
}

/** Moves shorter than this are clicks. */
const CLICK_PX = 3;

/** A drag that begins: within what is shown it moves that, elsewhere it selects anew. */
export function beginDrag(sight: Sight, mapWidth: number, x: number): MinimapDrag {
  const { scale, whole } = sight;
  const map = { ...whole, width: mapWidth };
  const inside = x >= xOf(map, scale.from) && x <= xOf(map, scale.to);
  return { kind: inside && !showsAll(sight) ? "move" : "select", fromX: x, scale };
}

/** What is shown when the drag has come to `x`; a click beside what is shown brings it there. */
export function dragged(
  { kind, fromX, scale }: MinimapDrag,
  sight: Sight,
  { mapWidth, x }: { mapWidth: number; x: number },
): TimeScale {
  const map = { ...sight.whole, width: mapWidth };
  if (kind === "move") {
    const by = timeAt(map, x) - timeAt(map, fromX);
    return within({ ...scale, from: scale.from + by, to: scale.to + by }, sight.whole);
  }
  if (Math.abs(x - fromX) < CLICK_PX) {
    const half = (scale.to - scale.from) / 2;
    const about = timeAt(map, x);
    return within({ ...scale, from: about - half, to: about + half }, sight.whole);
  }
  const [from, to] = [Math.min(fromX, x), Math.max(fromX, x)].map((edge) =>
    timeAt(map, Math.max(0, Math.min(mapWidth, edge))),
  );
  return { ...scale, from: from!, to: to! };
}
