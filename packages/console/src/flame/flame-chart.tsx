import type { Job } from "@spanloom/protocol";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { durationText } from "../text/duration-text.ts";
import { hexId } from "../text/hex-id.ts";
import { shareText } from "../text/share-text.ts";
import { spanPath } from "../text/span-path.ts";
import { spanTypes } from "../waterfall/span-facts.ts";
import { type FlameFrame, flameLayout, pathTo } from "./flame-layout.ts";
import type { FlameDrawing } from "./flame-session.ts";
import { type FlameMeasure, flameWeights, isWaiting } from "./flame-weights.ts";
import { nodeOfPath } from "./node-path.ts";

interface FlameChartProps {
  job: Job;
  drawing: FlameDrawing;
  measure: FlameMeasure;
  withWaits: boolean;
  /** By number of a name, whether it is what is looked for; undefined when nothing is. */
  found: readonly boolean[] | undefined;
}

const ROW_PX = 22;
/** Frames narrower than this part of the chart are left out: they could be neither read nor hit. */
const LEAST = 0.0025;

/** The frames: a press zooms into one, its facts are told above. */
export function FlameChart({ job, drawing, measure, withWaits, found }: FlameChartProps) {
  const { flame, names } = drawing;
  const weights = useMemo(() => flameWeights(flame, measure, withWaits), [flame, measure, withWaits]);
  // Nodes are numbered anew as spans come: what is zoomed into is kept by its names.
  const [zoomed, setZoomed] = useState<readonly string[]>([]);
  const zoom = nodeOfPath(drawing, zoomed);
  const [hovered, setHovered] = useState(0);
  const layout = useMemo(() => flameLayout(flame, { weights, zoom, least: LEAST }), [flame, weights, zoom]);
  const zoomInto = (node: number) => {
    const path = node === 0 ? [] : [...pathTo(flame, node), node];
    setZoomed(path.map((each) => names[flame.name[each]!]!));
  };
  const told = hovered > 0 && hovered < flame.count ? hovered : zoom;
  return (
    <>
      <FrameFacts {...{ job, drawing, weights }} node={told}>
        <button type="button" className="button" disabled={zoom === 0} onClick={() => zoomInto(0)}>
          Show all
        </button>
      </FrameFacts>
      <Frames
        {...{ drawing, layout, found, zoomInto }}
        onHover={setHovered}
        onOut={() => zoom !== 0 && zoomInto(flame.parent[zoom]!)}
      />
      {layout.hidden > 0 && (
        <p className="quiet flame-hidden">
          {layout.hidden === 1 ? "1 frame is" : `${layout.hidden.toLocaleString()} frames are`} too narrow or too deep
          to be drawn: zoom in to see more.
        </p>
      )}
    </>
  );
}

interface FramesProps {
  drawing: FlameDrawing;
  layout: ReturnType<typeof flameLayout>;
  found: readonly boolean[] | undefined;
  zoomInto: (node: number) => void;
  onHover: (node: number) => void;
  onOut: () => void;
}

function Frames({ drawing, layout, found, zoomInto, onHover, onOut }: FramesProps) {
  const { flame, names } = drawing;
  const chart = useRef<HTMLDivElement>(null);
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape" || event.key === "Backspace") onOut();
    else if (!moveFocus(chart.current, event.key)) return;
    event.preventDefault();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are for the frames within.
    <div
      ref={chart}
      className="flame-chart"
      style={{ height: layout.rows * ROW_PX }}
      onMouseLeave={() => onHover(0)}
      onKeyDown={press}
    >
      {layout.frames.map((frame) => {
        const { node, from, width, row } = frame;
        const name = names[flame.name[node]!]!;
        return (
          <button
            key={node}
            type="button"
            className={frameClass(drawing, frame, found)}
            style={{ left: `${from * 100}%`, width: `${width * 100}%`, top: row * ROW_PX }}
            data-row={row}
            // One frame is reached by Tab, the others from there by arrows.
            tabIndex={frame === layout.frames[0] ? 0 : -1}
            aria-label={`${name}, ${flame.spans[node]} spans, self ${durationText(flame.self[node]! / 1e6)}`}
            onMouseEnter={() => onHover(node)}
            onFocus={() => onHover(node)}
            onClick={() => zoomInto(node)}
          >
            {width > 0.02 && name}
          </button>
        );
      })}
    </div>
  );
}

function frameClass({ flame }: FlameDrawing, { node, above }: FlameFrame, found: readonly boolean[] | undefined) {
  const name = flame.name[node]!;
  const parts = ["frame", `frame-${spanTypes[flame.type[node]!]}`, `frame-tone-${name % 3}`];
  if (flame.errors[node]! > 0) parts.push("frame-failed");
  if (above) parts.push("frame-above");
  if (found) parts.push(found[name] ? "frame-found" : "frame-dim");
  return parts.join(" ");
}

/** Moves the focus to the frame beside, above or below. Gives whether the key does so. */
function moveFocus(chart: HTMLElement | null, key: string): boolean {
  const rows = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: 0, ArrowRight: 0 };
  if (!chart || !(key in rows)) return false;
  const focused = document.activeElement as HTMLElement;
  const here = focused.getBoundingClientRect();
  const row = Number(focused.dataset.row) + rows[key as keyof typeof rows];
  const beside = [...chart.querySelectorAll<HTMLElement>(`[data-row="${row}"]`)];
  const at = beside.indexOf(focused);
  const middle = here.left + here.width / 2;
  const next =
    at === -1
      ? (beside.find((each) => reaches(each, middle)) ??
        beside.find((each) => each.getBoundingClientRect().left >= here.left))
      : beside[at + (key === "ArrowLeft" ? -1 : 1)];
  next?.focus();
  return true;
}

function reaches(element: HTMLElement, x: number): boolean {
  const { left, right } = element.getBoundingClientRect();
  return left <= x && right >= x;
}

interface FrameFactsProps {
  job: Job;
  drawing: FlameDrawing;
  weights: Float64Array;
  node: number;
  children: React.ReactNode;
}

/** What is known of the frame that is pointed at, or zoomed into. */
function FrameFacts({ job, drawing, weights, node, children }: FrameFactsProps) {
  const { flame, names, longestHigh, longestLow } = drawing;
  const [spans, errors, total] = [flame.spans[node]!, flame.errors[node]!, flame.total[node]!];
  return (
    <div className="frame-facts">
      <p>
        {node === 0 ? (
          <span className="quiet">Point at a frame for its facts, press it to zoom in; Escape zooms out.</span>
        ) : (
          <>
            <strong>{names[flame.name[node]!]}</strong> <span className="quiet">{spanTypes[flame.type[node]!]}</span>{" "}
            {spans.toLocaleString()} {spans === 1 ? "span" : "spans"}
            {errors > 0 && <span className="slower">, {errors.toLocaleString()} failed</span>} ·{" "}
            {shareText(weights[node]!, weights[0]!)} of all · total {durationText(total / 1e6)} ·{" "}
            {isWaiting(flame.type[node]!) ? "waited" : "self"} {durationText(flame.self[node]! / 1e6)} · mean{" "}
            {durationText(total / spans / 1e6)} · longest{" "}
            <Link href={spanPath(job.id, hexId(longestHigh[node]!, longestLow[node]!))}>
              {durationText(flame.longest[node]! / 1e6)}
            </Link>
          </>
        )}
      </p>
      {children}
    </div>
  );
}
