import { type RefObject, useEffect, useRef, useState } from "react";
import { theme } from "../state/settings.ts";
import { useValue, ValueStore } from "../state/value-store.ts";
import type { Hovered } from "./span-tip.tsx";
import type { Ask, WaterfallState } from "./use-waterfall.ts";
import { WaterfallCanvas } from "./waterfall-canvas.ts";

interface CanvasUse {
  state: WaterfallState;
  ask: Ask;
  /** Positions of what was looked for. */
  found: Int32Array | undefined;
  onSelect: (row: number) => void;
}

/** The canvases, and what draws on them what the worker tells. */
export interface CanvasParts {
  main: RefObject<HTMLCanvasElement | null>;
  map: RefObject<HTMLCanvasElement | null>;
  canvas: RefObject<WaterfallCanvas | null>;
  hovered: ValueStore<Hovered>;
}

/** Draws on two canvases what the worker tells, and asks it what the pointer and the keys ask for. */
export function useCanvas({ state, ask, found, onSelect }: CanvasUse): CanvasParts {
  const main = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const canvas = useRef<WaterfallCanvas>(null);
  const [hovered] = useState(() => new ValueStore<Hovered>(undefined));
  const chosen = useValue(theme);
  useEffect(() => {
    const mine = new WaterfallCanvas(main.current!, map.current!, {
      select: (row) => {
        onSelect(row);
        if (row !== -1) ask({ kind: "details", row });
      },
      fold: (row) => ask({ kind: "fold", row }),
      hover: (at) => hovered.set(at),
    });
    canvas.current = mine;
    return () => mine.stop();
  }, [ask, onSelect, hovered]);
  const { drawing, revealed } = state;
  useEffect(() => {
    if (drawing) canvas.current?.show(drawing);
  }, [drawing]);
  useEffect(() => {
    if (revealed) canvas.current?.goToLine(revealed.line);
  }, [revealed]);
  useEffect(() => canvas.current?.showFound(found), [found]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours.
  useEffect(() => canvas.current?.recolor(), [chosen]);
  return { main, map, canvas, hovered };
}
