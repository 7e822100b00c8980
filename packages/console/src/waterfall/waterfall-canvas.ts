import { durationText } from "../text/duration-text.ts";
import { lineDensity } from "./coalesce.ts";
import { drawGutter, drawMinimap } from "./draw-minimap.ts";
import { drawWaterfall } from "./draw-waterfall.ts";
import { type Hit, hitTest, type LineArea, linesInSight, scrollTo } from "./hit-test.ts";
import { type LineAction, lineAction } from "./line-keys.ts";
import { around, panBy, type TimeScale, timeAt, within, zoomAt } from "./time-scale.ts";
import { colorsAt, type WaterfallColors } from "./waterfall-colors.ts";
import type { WaterfallDrawing } from "./waterfall-messages.ts";

/** What the user did that is not the canvas's own to do. */
export interface CanvasEvents {
  select: (row: number) => void;
  fold: (row: number) => void;
  close: () => void;
}

const AREA = { top: 26, lineHeight: 22, names: 320 };
const GUTTER_PX = 12;
const MINIMAP_PX = 48;

/**
 * The waterfall on two canvases: what is in sight, and how it answers the pointer and the keys.
 *
 * I1. At most one frame is asked for at a time, and none when nothing changed, but while spans are open.
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
  #area: LineArea = { ...AREA, scrollTop: 0 };
  #scale: TimeScale = { from: 0, to: 1, width: 1 };
  #whole = true;
  #selectedRow = -1;
  #hovered = -1;
  #size = { width: 0, height: 0 };
  #gutter: Uint8Array = new Uint8Array(0);
  #frame = 0;

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
  }

  /** Shows another drawing; what is in sight stays, and all of time stays all of it. */
  show(drawing: WaterfallDrawing): void {
    this.#drawing = drawing;
    this.#setScale(this.#whole ? { ...drawing.whole, width: this.#scale.width } : this.#scale);
    this.#scroll(this.#area.scrollTop);
    this.#makeGutter();
  }

  /** Takes the colours of the page again, which may have changed to dark. */
  recolor(): void {
    this.#colors = colorsAt(this.#main.parentElement!);
    this.redraw();
  }

  /** Selects a line and brings it in sight. */
  selectLine(line: number): void {
    const lines = this.#drawing?.lines;
    if (!lines || line < 0 || line >= lines.count) return;
    this.#selectedRow = lines.row[line]!;
    this.#scroll(scrollTo(this.#area, line, this.#size.height));
    this.#events.select(this.#selectedRow);
  }

  redraw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #listen(): void {
    const { signal } = this.#ended;
    const main = this.#main;
    main.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    main.addEventListener("pointerdown", (event) => this.#press(event), { signal });
    main.addEventListener("pointermove", (event) => this.#move(event), { signal });
    main.addEventListener("dblclick", (event) => this.#doubleClick(event), { signal });
    main.addEventListener("keydown", (event) => this.#key(event), { signal });
    // Without a choice of its own the page is as dark as the system.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor(), { signal });
    const map = this.#map;
    const go = (event: PointerEvent) => event.buttons === 1 && this.#goTo(event.offsetX);
    map.addEventListener("pointerdown", go, { signal });
    map.addEventListener("pointermove", go, { signal });
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#main;
    const ratio = devicePixelRatio;
    this.#size = { width: width - GUTTER_PX, height };
    this.#area.names = Math.min(AREA.names, Math.round(width * 0.4));
    for (const [canvas, tall] of [
      [this.#main, height],
      [this.#map, MINIMAP_PX],
    ] as const) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(tall * ratio);
      canvas.getContext("2d")?.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.#setScale({ ...this.#scale, width: Math.max(1, this.#size.width - this.#area.names) });
    this.#makeGutter();
  }

  #makeGutter(): void {
    const height = Math.max(0, this.#size.height - this.#area.top);
    if (this.#drawing) this.#gutter = lineDensity(this.#drawing.lines, height);
    this.redraw();
  }

  #setScale(scale: TimeScale): void {
    const whole = this.#drawing?.whole;
    this.#scale = whole ? within(scale, whole) : scale;
    this.#whole = !whole || (this.#scale.from <= whole.from && this.#scale.to >= whole.to);
    this.redraw();
  }

  #scroll(to: number): void {
    const { lines } = this.#drawing ?? {};
    const most = (lines?.count ?? 0) * this.#area.lineHeight - (this.#size.height - this.#area.top);
    this.#area.scrollTop = Math.max(0, Math.min(to, most));
    this.redraw();
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const whole = this.#drawing?.whole;
    if (!whole) return;
    const x = event.offsetX - this.#area.names;
    if (event.ctrlKey || event.metaKey) this.#setScale(zoomAt(this.#scale, 1.0015 ** event.deltaY, x, whole));
    else if (event.shiftKey) this.#setScale(panBy(this.#scale, event.deltaY || event.deltaX, whole));
    else {
      if (event.deltaX !== 0) this.#setScale(panBy(this.#scale, event.deltaX, whole));
      this.#scroll(this.#area.scrollTop + event.deltaY);
    }
  }

  #hit(event: MouseEvent): Hit | undefined {
    if (!this.#drawing) return undefined;
    const { lines } = this.#drawing;
    const { offsetX: x, offsetY: y } = event;
    return hitTest({ lines, area: this.#area, scale: this.#scale, now: this.#now() }, { x, y });
  }

  #press(event: PointerEvent): void {
    if (event.offsetX > this.#size.width) {
      this.#scroll(
        ((event.offsetY - this.#area.top) / this.#gutter.length) * this.#drawing!.lines.count * this.#area.lineHeight,
      );
      return;
    }
    const hit = this.#hit(event);
    if (!hit) return;
    if (hit.part === "fold") this.#events.fold(this.#drawing!.lines.row[hit.line]!);
    else this.selectLine(hit.line);
  }

  #move(event: PointerEvent): void {
    if (event.buttons === 1 && event.offsetX > this.#area.names && this.#drawing) {
      this.#setScale(panBy(this.#scale, -event.movementX, this.#drawing.whole));
      this.#scroll(this.#area.scrollTop - event.movementY);
      return;
    }
    const line = this.#hit(event)?.line ?? -1;
    if (line === this.#hovered) return;
    this.#hovered = line;
    this.redraw();
  }

  #doubleClick(event: MouseEvent): void {
    const hit = this.#hit(event);
    if (hit && hit.part !== "fold") this.#do({ kind: "show", line: hit.line });
  }

  /** Moves what is shown to the middle of a place on the minimap. */
  #goTo(x: number): void {
    const { whole } = this.#drawing ?? {};
    if (!whole) return;
    const about = timeAt({ ...whole, width: this.#map.clientWidth }, x);
    const half = (this.#scale.to - this.#scale.from) / 2;
    this.#setScale({ ...this.#scale, from: about - half, to: about + half });
  }

  #key(event: KeyboardEvent): void {
    if (!this.#drawing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { lines } = this.#drawing;
    const [first, last] = linesInSight(this.#area, lines.count, this.#size.height);
    const selected = this.#selectedLine();
    const action = lineAction(event.key, { lines, selected, page: Math.max(1, last - first - 2) });
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    this.#do(action);
  }

  #do(action: LineAction): void {
    const { lines, whole } = this.#drawing!;
    if (action.kind === "select") this.selectLine(action.line);
    else if (action.kind === "fold") this.#events.fold(lines.row[action.line]!);
    else if (action.kind === "zoom") this.#setScale(zoomAt(this.#scale, action.factor, this.#scale.width / 2, whole));
    else if (action.kind === "pan") this.#setScale(panBy(this.#scale, action.pixels, whole));
    else if (action.kind === "whole") this.#setScale({ ...whole, width: this.#scale.width });
    else if (action.kind === "close") this.#events.close();
    else
      this.#setScale(
        around({ start: lines.start[action.line]!, end: this.#endOf(action.line) }, whole, this.#scale.width),
      );
  }

  #endOf(line: number): number {
    const end = this.#drawing!.lines.end[line]!;
    return Number.isNaN(end) ? this.#now() : end;
  }

  #selectedLine(): number {
    return this.#selectedRow === -1 ? -1 : (this.#drawing?.lines.row.indexOf(this.#selectedRow) ?? -1);
  }

  #now(): number {
    return (Date.now() - (this.#drawing?.baseMs ?? 0)) * 1e6;
  }

  #draw(): void {
    this.#frame = 0;
    const [main, map] = [this.#main.getContext("2d"), this.#map.getContext("2d")];
    const drawing = this.#drawing;
    if (!main || !map || !drawing || this.#size.height === 0) return;
    const now = this.#now();
    const open = drawing.counts.open > 0;
    if (open && now > drawing.whole.to) {
      drawing.whole.to = now;
      if (this.#whole) this.#scale = { ...drawing.whole, width: this.#scale.width };
    }
    const { lines, names } = drawing;
    const { height } = this.#size;
    const shown = { scale: this.#scale, area: this.#area, now, colors: this.#colors, durationText };
    const marked = { selected: this.#selectedLine(), hovered: this.#hovered };
    drawWaterfall(main, { lines, names, ...this.#size, ...shown, ...marked });
    const perLine = this.#gutter.length / Math.max(1, lines.count);
    const [first, last] = linesInSight(this.#area, lines.count, height);
    const sight = [first * perLine, last * perLine] as const;
    const at = { kinds: this.#gutter, left: this.#size.width, top: this.#area.top, width: GUTTER_PX, sight };
    drawGutter(main, at, this.#colors);
    const whole = { ...this.#scale, width: this.#map.clientWidth };
    drawMinimap(map, { minimap: drawing.minimap, scale: whole, colors: this.#colors, height: MINIMAP_PX });
    if (open) this.redraw();
  }
}
