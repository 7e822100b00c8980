import { exactTime } from "../text/time-text.ts";
import { brushedTime, bucketAt, type ChartArea, chartArea, type ShownTime, xOfTime } from "./chart-area.ts";
import { ChartAxes } from "./chart-axes.tsx";
import { areaPath, dotPath, linePath, type Shape, stackOf } from "./chart-paths.ts";
import { useBrush } from "./use-brush.ts";
import { useWidth } from "./use-width.ts";

/** A line or layer of a chart: a value for each bucket, null where there is none. */
export interface ChartSeries {
  name: string;
  /** Its colour, as the end of a class: `0` .. `7`, `other` or `failed`. */
  color: string;
  values: readonly (number | null)[];
}

/** What a chart over time shows. */
export interface TimeChartProps {
  label: string;
  kind: "lines" | "bars";
  starts: readonly number[];
  time: ShownTime;
  series: readonly ChartSeries[];
  ticks: (most: number) => readonly number[];
  format: (value: number) => string;
  /** Told the times of what is dragged over, or of the bucket that is pressed. */
  onTime: (time: ShownTime) => void;
}

const HEIGHT = 190;

/** Values over time as lines, or on top of each other as bars. */
export function TimeChart(props: TimeChartProps) {
  const { label, kind, starts, time, series, onTime } = props;
  const [frame, width] = useWidth<HTMLDivElement>();
  const area = chartArea(width, HEIGHT);
  const shape = shapeOf(props, area);
  const { at, brush, handlers } = useBrush(({ from, to }) => onTime(brushedTime({ area, time, starts }, from.x, to.x)));
  const bucket = at && at.x >= area.left ? bucketAt(area, time, starts, at.x) : -1;
  return (
    <div ref={frame} className="chart">
      <svg width={width} height={HEIGHT} role="img" aria-label={label} {...handlers}>
        <ChartAxes area={area} time={time} ticks={shape.ticks} />
        {kind === "lines" ? <Lines shape={shape} series={series} /> : <Bars shape={shape} series={series} />}
        {bucket >= 0 && <Cursor area={area} x={shape.x(bucket) + shape.barWidth / 2} />}
        {brush && <Brushed area={area} from={brush.from.x} to={brush.to.x} />}
      </svg>
      {bucket >= 0 && at && <Reading {...props} bucket={bucket} left={at.x > width / 2 ? undefined : at.x} />}
    </div>
  );
}

function shapeOf({ kind, starts, time, series, ticks, format }: TimeChartProps, area: ChartArea): Shape {
  const stacked = kind === "bars" ? stackOf(series) : undefined;
  const tops = stacked ? (stacked.at(-1)?.map(({ to }) => to) ?? []) : series.flatMap(({ values }) => values);
  const values = ticks(tops.reduce<number>((most, value) => Math.max(most, value ?? 0), 0));
  const most = values.at(-1) ?? 1;
  const y = (value: number) => area.top + area.height * (1 - value / most);
  const stepMs = (starts[1] ?? time.toMs) - (starts[0] ?? time.fromMs);
  return {
    x: (bucket) => xOfTime(area, time, starts[bucket] ?? time.fromMs),
    y,
    barWidth: (stepMs / (time.toMs - time.fromMs)) * area.width,
    ticks: values.map((value) => ({ y: y(value), label: format(value) })),
    stacked: stacked ?? [],
  };
}

function Lines({ shape, series }: { shape: Shape; series: readonly ChartSeries[] }) {
  return series.map(({ name, color, values }) => (
    <g key={name} className={`chart-line series-${color}`}>
      <path d={linePath(shape, values)} />
      <path className="chart-dot" d={dotPath(shape, values)} />
    </g>
  ));
}

function Bars({ shape, series }: { shape: Shape; series: readonly ChartSeries[] }) {
  return series.map(({ name, color }, at) => (
    <path key={name} className={`chart-bar series-${color}`} d={areaPath(shape, shape.stacked[at] ?? [])} />
  ));
}

function Cursor({ area, x }: { area: ChartArea; x: number }) {
  return <line className="chart-cursor" x1={x} x2={x} y1={area.top} y2={area.top + area.height} />;
}

function Brushed({ area, from, to }: { area: ChartArea; from: number; to: number }) {
  const [left, right] = [Math.max(area.left, Math.min(from, to)), Math.min(area.left + area.width, Math.max(from, to))];
  return <rect className="chart-brush" x={left} y={area.top} width={Math.max(0, right - left)} height={area.height} />;
}

/** The values of the bucket that is pointed at. */
function Reading({
  starts,
  series,
  format,
  bucket,
  left,
}: TimeChartProps & { bucket: number; left: number | undefined }) {
  const place = left === undefined ? "chart-reading-left" : "chart-reading-right";
  return (
    <div className={`chart-reading ${place}`} aria-hidden="true">
      <div className="quiet">{exactTime(starts[bucket] ?? 0)}</div>
      {series.map(({ name, color, values }) => {
        const value = values[bucket];
        return (
          <div key={name} className="chart-reading-row">
            <span className={`chart-key series-${color}`} />
            <span className="chart-reading-name">{name}</span>
            <span>{value === null || value === undefined ? "–" : format(value)}</span>
          </div>
        );
      })}
    </div>
  );
}
