import { useEffect, useRef } from "react";
import { durationText } from "../text/duration-text.ts";
import { exactTime } from "../text/time-text.ts";
import { brushedTime, bucketAt, type ChartArea, chartArea, type ShownTime } from "./chart-area.ts";
import { ChartAxes, type ValueTick } from "./chart-axes.tsx";
import { drawHeat } from "./draw-heat.ts";
import { type HeatRows, heatEdge } from "./heat-grid.ts";
import { useBrush } from "./use-brush.ts";
import { useWidth } from "./use-width.ts";

/** A part of a heat map: a time, and durations from `minNs` up to before `belowNs`. */
export interface HeatPart {
  time: ShownTime;
  minNs: number;
  belowNs: number;
}

interface HeatMapProps {
  label: string;
  rows: HeatRows;
  starts: readonly number[];
  time: ShownTime;
  /** Changes when colours do. */
  theme: string;
  onPart: (part: HeatPart) => void;
}

const HEIGHT = 240;

/** How many spans took how long, over time: the fuller a cell the stronger its colour, red where spans failed. */
export function HeatMap({ label, rows, starts, time, theme, onPart }: HeatMapProps) {
  const [frame, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const area = chartArea(width, HEIGHT);
  const { at, brush, handlers } = useBrush(({ from, to }) => {
    const [low, high] = [rowAt(area, rows, Math.max(from.y, to.y)), rowAt(area, rows, Math.min(from.y, to.y))];
    const edge = (row: number) => heatEdge(rows.firstBin + row * rows.binsPerRow);
    onPart({ time: brushedTime({ area, time, starts }, from.x, to.x), minNs: edge(low), belowNs: edge(high + 1) });
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours.
  useEffect(() => {
    if (canvas.current) drawHeat(canvas.current, { rows, area, starts, time });
  }, [rows, width, starts, time, theme]);
  const inside = at && at.x >= area.left && at.y < area.top + area.height;
  return (
    <div ref={frame} className="chart heat">
      <canvas ref={canvas} className="heat-cells" width={width} height={HEIGHT} />
      <svg width={width} height={HEIGHT} role="img" aria-label={label} {...handlers}>
        <ChartAxes area={area} time={time} ticks={ticksOf(area, rows)} />
        {brush && (
          <rect
            className="chart-brush"
            x={Math.min(brush.from.x, brush.to.x)}
            y={Math.min(brush.from.y, brush.to.y)}
            width={Math.abs(brush.to.x - brush.from.x)}
            height={Math.abs(brush.to.y - brush.from.y)}
          />
        )}
      </svg>
      {inside && <CellReading {...{ area, rows, starts, time }} x={at.x} y={at.y} width={width} />}
    </div>
  );
}

/** The row at a height; the first is lowest. */
function rowAt({ top, height }: ChartArea, { rows }: HeatRows, y: number): number {
  const part = (top + height - y) / height;
  return Math.min(rows - 1, Math.max(0, Math.floor(part * rows)));
}

/** A line at each power of ten, or at more where there are few. */
function ticksOf({ top, height }: ChartArea, { firstBin, binsPerRow, rows }: HeatRows): ValueTick[] {
  const every = rows * binsPerRow > 15 ? 10 : 5;
  const ticks: ValueTick[] = [];
  for (let bin = Math.ceil(firstBin / every) * every; bin <= firstBin + rows * binsPerRow; bin += every) {
    const part = (bin - firstBin) / (rows * binsPerRow);
    ticks.push({ y: top + height * (1 - part), label: nanosText(heatEdge(bin)) });
  }
  return ticks;
}

function nanosText(ns: number): string {
  return ns < 1_000 ? `${ns}ns` : durationText(ns / 1e6);
}

interface CellReadingProps {
  area: ChartArea;
  rows: HeatRows;
  starts: readonly number[];
  time: ShownTime;
  x: number;
  y: number;
  width: number;
}

function CellReading({ area, rows, starts, time, x, y, width }: CellReadingProps) {
  const [column, row] = [bucketAt(area, time, starts, x), rowAt(area, rows, y)];
  const cell = row * rows.columns + column;
  const [count, errors] = [rows.counts[cell] ?? 0, rows.errors[cell] ?? 0];
  const edge = (at: number) => nanosText(heatEdge(rows.firstBin + at * rows.binsPerRow));
  return (
    <div className={`chart-reading chart-reading-${x > width / 2 ? "left" : "right"}`} aria-hidden="true">
      <div className="quiet">{exactTime(starts[column] ?? 0)}</div>
      <div>
        {edge(row)} – {edge(row + 1)}
      </div>
      <div>
        <b>{count.toLocaleString()}</b> spans
        {errors > 0 && <span className="span-failed"> · {errors.toLocaleString()} failed</span>}
      </div>
    </div>
  );
}
