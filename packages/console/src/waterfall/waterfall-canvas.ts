import { serverNowMs } from "../rpc/server-clock.ts";
import { durationText } from "../text/duration-text.ts";
import { lineDensity } from "./coalesce.ts";
import { drawGutter, drawMinimap } from "./draw-minimap.ts";
import { drawWaterfall } from "./draw-waterfall.ts";
import { type Hit, hitTest, linesInSight, scrollAround, scrollTo } from "./hit-test.ts";
import { type LineAction, lineAction } from "./line-keys.ts";
import { beginDrag, dragged, type MinimapDrag } from "./minimap-drag.ts";
import { emptySight, grownTo, type Sight, scaledTo, scrolledTo, withDrawn, withNames, withSize } from "./sight.ts";
import { around, panBy, type TimeScale, zoomAt } from "./time-scale.ts";
import { colorsAt, type WaterfallColors } from "./waterfall-colors.ts";
import type { WaterfallDrawing } from "./waterfall-messages.ts";

/** What the user did that is not the canvas's own to do. */
export interface CanvasEvents {
  /** -1 for nothing. */
  select: (row: number) => void;
  fold: (row: number) => void;
  /** The pointer is over a line, of a canvas `width` wide; undefined when over none. Units: pixels of the canvas. */
  hover: (at: { line: number; x: number; y: number; width: number } | undefined) => void;
}

const GUTTER_PX = 12;
const MINIMAP_PX = 48;
/** How far from the edge of the names a point still means it. */
const EDGE_PX = 4;
/** Heights of wheels that count in lines. */
const WHEEL_LINE_PX = 16;

type Drag = "time" | "names" | "lines";

/**
 * The waterfall on two canvases: what is in sight, and how it answers the pointer and the keys.
 *
 * I1. At most one frame is asked for at a time, and none when nothing changed; while spans are open one whenever they have
 *     grown by a pixel.
 * I2. The selection is a row, so that it stays when lines move.
 */
export class WaterfallCanvas {
  readonly #main: HTMLCanvasElement;
  readonly #map: HTMLCanvasElement;
  readonly #events: CanvasEvents;
  readonly #ended = new AbortController();
  readonly #resized: ResizeObserver;
  #colors: WaterfallColors;
  #drawing: WaterfallDrawing | undefined;
  #sight: Sight = emptySight();
  #selectedRow = -1;
  #hovered = -1;
  #found: Int32Array | undefined;
  #drag: Drag | undefined;
  #gutter: Uint8Array = new Uint8Array(0);
  #frame = 0;
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor(main: HTMLCanvasElement, map: HTMLCanvasElement, events: CanvasEvents) {
    [this.#main, this.#map, this.#events] = [main, map, events];
    this.#colors = colorsAt(main.parentElement!);
    this.#resized = new ResizeObserver(() => this.#resize());
    this.#resized.observe(main);
    this.#listen();
  }

  /** Ends it; it can be called twice. */
  stop(): void {
    this.#ended.abort();
    this.#resized.disconnect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#later);
  }

  /** Shows another drawing; what is in sight stays as {@link withDrawn} says. */
  show(drawing: WaterfallDrawing): void {
    this.#drawing = drawing;
    this.#look(withDrawn(this.#sight, { whole: drawing.whole, lines: drawing.lines.count }));
    this.#makeGutter();
  }

  /** Takes the colours of the page again, which may have changed to dark. */
  recolor(): void {
    this.#colors = colorsAt(this.#main.parentElement!);
    this.redraw();
  }

  /** Marks the names at these positions of the tree; none when it is undefined. */
  showFound(found: Int32Array | undefined): void {
    this.#found = found;
    this.redraw();
  }

  /** Selects a line and brings it in sight. */
  selectLine(line: number): void {
    const { lines } = this.#drawing ?? {};
    if (!lines || line < 0 || line >= lines.count) return;
    this.#selectedRow = lines.row[line]!;
    this.#look(scrolledTo(this.#sight, scrollTo(this.#sight.area, line, this.#sight.height)));
    this.#events.select(this.#selectedRow);
  }

  /** Selects a line, and brings it, those around it and its time in sight. */
  goToLine(line: number): void {
    const { lines } = this.#drawing ?? {};
    if (!lines || line < 0 || line >= lines.count) return;
    this.#look(scrolledTo(this.#sight, scrollAround(this.#sight.area, line, this.#sight.height)));
    this.selectLine(line);
    const { scale, whole } = this.#sight;
    const [start, end] = [lines.start[line]!, this.#endOf(line)];
    if (end < scale.from || start > scale.to) this.#zoomTo(around({ start, end }, whole, scale.width));
  }

  /** Selects nothing. */
  selectNothing(): void {
    this.#selectedRow = -1;
    this.#events.select(-1);
    this.redraw();
  }

  /** Zooms in by a factor below 1 or out by one above it; 0 shows all of time. */
  zoom(factor: number): void {
    const { scale, whole } = this.#sight;
    this.#zoomTo(factor === 0 ? { ...whole, width: scale.width } : zoomAt(scale, factor, scale.width / 2, whole));
  }

  redraw(): void {
    clearTimeout(this.#later);
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #listen(): void {
    const { signal } = this.#ended;
    const main = this.#main;
    main.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    main.addEventListener("pointerdown", (event) => this.#press(event), { signal });
    main.addEventListener("pointermove", (event) => this.#move(event), { signal });
    main.addEventListener("pointerleave", () => this.#hover(undefined), { signal });
    main.addEventListener("dblclick", (event) => this.#doubleClick(event), { signal });
    for (const end of ["pointerup", "pointercancel"] as const)
      main.addEventListener(end, () => this.#setDrag(undefined), { signal });
    main.parentElement!.addEventListener("keydown", (event) => this.#key(event), { signal });
    // Without a choice of its own the page is as dark as the system.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor(), { signal });
    this.#listenToMap(signal);
  }

  #listenToMap(signal: AbortSignal): void {
    const map = this.#map;
    let drag: MinimapDrag | undefined;
    const go = ({ offsetX }: PointerEvent) => {
      if (drag) this.#zoomTo(dragged(drag, this.#sight, { mapWidth: map.clientWidth, x: offsetX }));
    };
    map.addEventListener(
      "pointerdown",
      (event) => {
        map.setPointerCapture(event.pointerId);
        drag = beginDrag(this.#sight, map.clientWidth, event.offsetX);
        go(event);
      },
      { signal },
    );
    map.addEventListener("pointermove", go, { signal });
    for (const end of ["pointerup", "pointercancel"] as const)
      map.addEventListener(
        end,
        () => {
          drag = undefined;
        },
        { signal },
      );
    map.addEventListener("dblclick", () => this.zoom(0), { signal });
  }

  #look(sight: Sight): void {
    this.#sight = sight;
    this.redraw();
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#main;
    const ratio = devicePixelRatio;
    for (const [canvas, wide, tall] of [
      [this.#main, width, height],
      [this.#map, this.#map.clientWidth, MINIMAP_PX],
    ] as const) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(tall * ratio);
      canvas.getContext("2d")?.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.#look(withSize(this.#sight, { width: Math.max(0, width - GUTTER_PX), height }));
    this.#makeGutter();
  }

  #makeGutter(): void {
    const height = Math.max(0, this.#sight.height - this.#sight.area.top);
    if (this.#drawing) this.#gutter = lineDensity(this.#drawing.lines, height);
    this.redraw();
  }

  #zoomTo(scale: TimeScale): void {
    this.#look(scaledTo(this.#sight, scale));
  }

  #wheel(event: WheelEvent): void {
    const { scale, whole, area } = this.#sight;
    const before = this.#sight;
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE_PX : 1;
    const [byX, byY] = [event.deltaX * unit, event.deltaY * unit];
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.#zoomTo(zoomAt(scale, 1.0015 ** byY, event.offsetX - area.names, whole));
      return;
    }
    const panned = event.shiftKey ? byY || byX : byX;
    if (panned !== 0) this.#zoomTo(panBy(scale, panned, whole));
    if (!event.shiftKey) this.#look(scrolledTo(this.#sight, area.scrollTop + byY));
    // At its ends the page scrolls on.
    const moved = this.#sight.area.scrollTop !== before.area.scrollTop || this.#sight.scale.from !== scale.from;
    if (moved || event.shiftKey) event.preventDefault();
  }

  #hit(event: MouseEvent): Hit | undefined {
    if (!this.#drawing) return undefined;
    const { area, scale } = this.#sight;
    const { offsetX: x, offsetY: y } = event;
    return hitTest({ lines: this.#drawing.lines, area, scale, now: this.#now() }, { x, y });
  }

  #isEdge(event: MouseEvent): boolean {
    return Math.abs(event.offsetX - this.#sight.area.names) <= EDGE_PX;
  }

  #press(event: PointerEvent): void {
    if (event.button !== 0 || !this.#drawing) return;
    const { area, width } = this.#sight;
    const drag = event.offsetX > width ? "lines" : this.#isEdge(event) ? "names" : "time";
    if (event.offsetX > area.names - EDGE_PX) {
      this.#main.setPointerCapture(event.pointerId);
      this.#setDrag(drag);
    }
    if (drag === "lines") this.#scrollByGutter(event.offsetY);
    if (drag !== "time") return;
    const hit = this.#hit(event);
    if (hit?.part === "fold") this.#events.fold(this.#drawing.lines.row[hit.line]!);
    else if (hit) this.selectLine(hit.line);
  }

  #scrollByGutter(y: number): void {
    const { area, lines, height } = this.#sight;
    const at = ((y - area.top) / Math.max(1, this.#gutter.length)) * lines * area.lineHeight;
    this.#look(scrolledTo(this.#sight, at - (height - area.top) / 2));
  }

  #setDrag(drag: Drag | undefined): void {
    this.#drag = drag;
    this.#main.style.cursor = "";
  }

  #move(event: PointerEvent): void {
    const drag = this.#drag;
    if (drag === undefined) {
      this.#hover(event);
      return;
    }
    const { area, scale, whole } = this.#sight;
    if (drag === "lines") this.#scrollByGutter(event.offsetY);
    else if (drag === "names") this.#look(withNames(this.#sight, event.offsetX));
    else {
      this.#main.style.cursor = "grabbing";
      this.#zoomTo(panBy(scale, -event.movementX, whole));
      this.#look(scrolledTo(this.#sight, area.scrollTop - event.movementY));
    }
  }

  #hover(event: PointerEvent | undefined): void {
    const hit = event && this.#hit(event);
    const line = hit?.line ?? -1;
    const clickable = hit?.part === "fold" || hit?.part === "bar" || hit?.part === "name";
    this.#main.style.cursor = event && this.#isEdge(event) ? "col-resize" : clickable ? "pointer" : "";
    const shown = hit?.part === "bar" || hit?.part === "time";
    const { clientWidth: width } = this.#main;
    this.#events.hover(shown && event ? { line, x: event.offsetX, y: event.offsetY, width } : undefined);
    if (line === this.#hovered) return;
    this.#hovered = line;
    this.redraw();
  }

  #doubleClick(event: MouseEvent): void {
    const hit = this.#hit(event);
    if (hit && hit.part !== "fold") this.#do({ kind: "show", line: hit.line });
  }

  #key(event: KeyboardEvent): void {
    if (!this.#drawing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { lines } = this.#drawing;
    const [first, last] = linesInSight(this.#sight.area, lines.count, this.#sight.height);
    const selected = this.#selectedLine();
    const action = lineAction(event.key, { lines, selected, page: Math.max(1, last - first - 2) });
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    this.#do(action);
  }

  #do(action: LineAction): void {
    const { lines } = this.#drawing!;
    const { scale, whole } = this.#sight;
    if (action.kind === "select") this.selectLine(action.line);
    else if (action.kind === "fold") this.#events.fold(lines.row[action.line]!);
    else if (action.kind === "zoom") this.zoom(action.factor);
    else if (action.kind === "pan") this.#zoomTo(panBy(scale, action.pixels, whole));
    else if (action.kind === "whole") this.zoom(0);
    else if (action.kind === "close") this.selectNothing();
    else this.#zoomTo(around({ start: lines.start[action.line]!, end: this.#endOf(action.line) }, whole, scale.width));
  }

  #endOf(line: number): number {
    const end = this.#drawing!.lines.end[line]!;
    return Number.isNaN(end) ? this.#now() : end;
  }

  #selectedLine(): number {
    return this.#selectedRow === -1 ? -1 : (this.#drawing?.lines.row.indexOf(this.#selectedRow) ?? -1);
  }

  #now(): number {
    return (serverNowMs() - (this.#drawing?.baseMs ?? 0)) * 1e6;
  }

  #draw(): void {
    this.#frame = 0;
    const [main, map] = [this.#main.getContext("2d"), this.#map.getContext("2d")];
    const drawing = this.#drawing;
    if (!main || !map || !drawing || this.#sight.height === 0) return;
    const now = this.#now();
    if (drawing.counts.open > 0) this.#sight = grownTo(this.#sight, now);
    const { lines, names, hiddenFailures, highlight, minimap } = drawing;
    const { area, scale, width, height } = this.#sight;
    const found = this.#found;
    const shown = { found, lines, names, area, scale, width, height, hiddenFailures, highlight, colors: this.#colors };
    drawWaterfall(main, { ...shown, now, durationText, selected: this.#selectedLine(), hovered: this.#hovered });
    this.#drawGutter(main, drawing);
    const { whole } = this.#sight;
    const mapSize = { width: this.#map.clientWidth, height: MINIMAP_PX };
    drawMinimap(map, { minimap, whole, scale, colors: this.#colors, ...mapSize });
    if (drawing.counts.open > 0) this.#redrawLater();
  }

  #drawGutter(canvas: CanvasRenderingContext2D, { lines, highlight }: WaterfallDrawing): void {
    const { area, width, height } = this.#sight;
    const perLine = this.#gutter.length / Math.max(1, lines.count);
    const [first, last] = linesInSight(area, lines.count, height);
    const marked = new Set<number>();
    for (const line of highlight?.line ?? []) marked.add(Math.floor(line * perLine));
    const place = { left: width, top: area.top, width: GUTTER_PX };
    drawGutter(
      canvas,
      { ...place, kinds: this.#gutter, sight: [first * perLine, last * perLine], marked },
      this.#colors,
    );
  }

  /** Draws again when open spans have grown by a pixel. */
  #redrawLater(): void {
    const { from, to, width } = this.#sight.scale;
    const pixelMs = (to - from) / width / 1e6;
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.redraw(), Math.min(1_000, pixelMs));
  }
}
