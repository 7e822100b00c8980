import { type TimeScale, xOf } from "./time-scale.ts";
import type { Lines } from "./visible-lines.ts";

/** Where the lines are on the canvas. Units: pixels. */
export interface LineArea {
  /** Height of what is above the lines. */
  top: number;
  /** Height of a line. */
  lineHeight: number;
  /** How far it is scrolled. */
  scrollTop: number;
  /** Width of the names, left of the bars. */
  names: number;
}

/** What is at a point. */
export interface Hit {
  line: number;
  part: "fold" | "name" | "bar" | "time";
}

/** Pixels a name moves right for each level. */
export const INDENT_PX = 12;
/** Levels after which names move no more: they would leave their column. */
export const MOST_INDENTS = 12;
const FOLD_PX = 16;
/** How far from a short bar a point still means it. */
const NEAR_PX = 4;

/** The left edge of a name, where its fold mark is. */
export function indentOf(depth: number): number {
  return 4 + INDENT_PX * Math.min(depth, MOST_INDENTS);
}

/** The height of a line's upper edge. */
export function topOf({ top, lineHeight, scrollTop }: LineArea, line: number): number {
  return top + line * lineHeight - scrollTop;
}

/** The line at a height; -1 above the lines and below the last. */
export function lineAt({ top, lineHeight, scrollTop }: LineArea, count: number, y: number): number {
  if (y < top) return -1;
  const line = Math.floor((y - top + scrollTop) / lineHeight);
  return line < count ? line : -1;
}

/** What is at a point; undefined when nothing is. `now` is where open spans end. */
export function hitTest(
  { lines, area, scale, now }: { lines: Lines; area: LineArea; scale: TimeScale; now: number },
  point: { x: number; y: number },
): Hit | undefined {
  const line = lineAt(area, lines.count, point.y);
  if (line === -1) return undefined;
  if (point.x < area.names) {
    const left = indentOf(lines.depth[line]!);
    const fold = lines.below[line]! > 0 && point.x >= left && point.x < left + FOLD_PX;
    return { line, part: fold ? "fold" : "name" };
  }
  const x = point.x - area.names;
  const end = lines.end[line]!;
  const onBar =
    x >= xOf(scale, lines.start[line]!) - NEAR_PX && x <= xOf(scale, Number.isNaN(end) ? now : end) + NEAR_PX;
  return { line, part: onBar ? "bar" : "time" };
}

/** The lines in sight, first and one past the last. */
export function linesInSight(
  { top, lineHeight, scrollTop }: LineArea,
  count: number,
  height: number,
): [number, number] {
  const first = Math.max(0, Math.floor(scrollTop / lineHeight));
  return [Math.min(first, count), Math.min(count, Math.ceil((scrollTop + height - top) / lineHeight))];
}

/** How far to scroll so that a line has others around it; as it is when it has them already. */
export function scrollAround(area: LineArea, line: number, height: number): number {
  const { top, lineHeight, scrollTop } = area;
  const [above, below] = [(line - 2) * lineHeight, (line + 3) * lineHeight];
  if (above >= scrollTop && below <= scrollTop + height - top) return scrollTop;
  return Math.max(0, line * lineHeight - (height - top - lineHeight) / 2);
}

/** How far to scroll so that a line is in sight; as it is when it is already. */
export function scrollTo({ top, lineHeight, scrollTop }: LineArea, line: number, height: number): number {
  const [least, most] = [(line + 1) * lineHeight - (height - top), line * lineHeight];
  return Math.max(0, Math.min(most, Math.max(least, scrollTop)));
}
