import { COLLAPSED, ERROR, PARENT } from "./span-facts.ts";
import type { Lines } from "./visible-lines.ts";

/** What a key does. */
export type LineAction =
  | { kind: "select"; line: number }
  | { kind: "fold"; line: number }
  | { kind: "zoom"; factor: number }
  | { kind: "pan"; pixels: number }
  | { kind: "show"; line: number }
  | { kind: "whole" }
  | { kind: "close" };

/** What a key is pressed upon. */
export interface KeyContext {
  lines: Pick<Lines, "count" | "depth" | "facts">;
  /** The line that is selected; -1 when none is. */
  selected: number;
  /** Lines in sight. */
  page: number;
}

const ZOOM = 0.7;
const PAN_PX = 120;

type Keys = Readonly<Record<string, (context: KeyContext) => LineAction | undefined>>;

const keys: Keys = {
  ArrowDown: (context) => moved(context, 1),
  ArrowUp: (context) => moved(context, -1),
  PageDown: (context) => moved(context, context.page),
  PageUp: (context) => moved(context, -context.page),
  Home: (context) => moved(context, -context.lines.count),
  End: (context) => moved(context, context.lines.count),
  ArrowLeft: ({ lines, selected }) => (selected < 0 ? undefined : leftOf(lines, selected)),
  ArrowRight: ({ lines, selected }) => (selected < 0 ? undefined : rightOf(lines, selected)),
  " ": ({ lines, selected }) =>
    selected >= 0 && (lines.facts[selected]! & PARENT) !== 0 ? { kind: "fold", line: selected } : undefined,
  Enter: ({ selected }) => (selected < 0 ? undefined : { kind: "show", line: selected }),
  e: ({ lines, selected }) => nextError(lines, selected, 1),
  E: ({ lines, selected }) => nextError(lines, selected, -1),
  "+": () => ({ kind: "zoom", factor: ZOOM }),
  "=": () => ({ kind: "zoom", factor: ZOOM }),
  "-": () => ({ kind: "zoom", factor: 1 / ZOOM }),
  a: () => ({ kind: "pan", pixels: -PAN_PX }),
  d: () => ({ kind: "pan", pixels: PAN_PX }),
  "0": () => ({ kind: "whole" }),
  Escape: () => ({ kind: "close" }),
};

/** What a key does to the waterfall; undefined when nothing, and the key is the page's. */
export function lineAction(key: string, context: KeyContext): LineAction | undefined {
  if (context.lines.count === 0 || !Object.hasOwn(keys, key)) return undefined;
  return keys[key]?.(context);
}

function moved({ lines, selected }: KeyContext, by: number): LineAction {
  return { kind: "select", line: Math.min(lines.count - 1, Math.max(0, selected + by)) };
}

/** Folds, or goes to the parent. */
function leftOf({ depth, facts }: KeyContext["lines"], selected: number): LineAction | undefined {
  if ((facts[selected]! & (PARENT | COLLAPSED)) === PARENT) return { kind: "fold", line: selected };
  for (let line = selected - 1; line >= 0; line--) {
    if (depth[line]! < depth[selected]!) return { kind: "select", line };
  }
  return undefined;
}

/** Unfolds, or goes to the first child. */
function rightOf({ facts }: KeyContext["lines"], selected: number): LineAction | undefined {
  if ((facts[selected]! & PARENT) === 0) return undefined;
  return (facts[selected]! & COLLAPSED) !== 0
    ? { kind: "fold", line: selected }
    : { kind: "select", line: selected + 1 };
}

function nextError({ count, facts }: KeyContext["lines"], selected: number, step: 1 | -1): LineAction | undefined {
  for (let line = selected + step; line >= 0 && line < count; line += step) {
    if ((facts[line]! & ERROR) !== 0) return { kind: "select", line };
  }
  return undefined;
}
