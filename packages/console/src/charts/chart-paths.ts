import type { ValueTick } from "./chart-axes.tsx";

/** Where the marks of a chart are, in pixels. */
export interface Shape {
  x: (bucket: number) => number;
  y: (value: number) => number;
  barWidth: number;
  ticks: readonly ValueTick[];
  /** From where to where the layers of bars reach, from the lowest up. */
  stacked: readonly (readonly Layer[])[];
}

/** The part of a bar that one series has. */
export interface Layer {
  from: number;
  to: number;
}

/** Puts values on top of each other, the first lowest. */
export function stackOf(series: readonly { values: readonly (number | null)[] }[]): Layer[][] {
  const heights: number[] = [];
  return series.map(({ values }) =>
    values.map((value, bucket) => {
      const from = heights[bucket] ?? 0;
      heights[bucket] = from + (value ?? 0);
      return { from, to: heights[bucket] };
    }),
  );
}

/** A line through the middle of the buckets that have a value, broken where one has none. */
export function linePath({ x, y, barWidth }: Shape, values: readonly (number | null)[]): string {
  let path = "";
  let drawing = false;
  for (const [bucket, value] of values.entries()) {
    if (value === null) {
      drawing = false;
      continue;
    }
    const point = `${round(x(bucket) + barWidth / 2)} ${round(y(value))}`;
    path += `${drawing ? "L" : "M"}${point}`;
    drawing = true;
  }
  return path;
}

/** A dot for each value that has none beside it, which a line would not show. */
export function dotPath({ x, y, barWidth }: Shape, values: readonly (number | null)[]): string {
  return values
    .map((value, bucket) => {
      const alone = (values[bucket - 1] ?? null) === null && (values[bucket + 1] ?? null) === null;
      return value === null || !alone ? "" : `M${round(x(bucket) + barWidth / 2)} ${round(y(value))}h0.01`;
    })
    .join("");
}

/** All bars of a layer as one path. What is there but small is a pixel high. */
export function areaPath({ x, y, barWidth }: Shape, layers: readonly Layer[]): string {
  const width = round(Math.max(1, barWidth - (barWidth > 4 ? 1 : 0)));
  return layers
    .map(({ from, to }, bucket) => {
      if (to === from) return "";
      const height = Math.max(1, y(from) - y(to));
      return `M${round(x(bucket))} ${round(y(from))}v${round(-height)}h${width}v${round(height)}z`;
    })
    .join("");
}

const round = (value: number): number => Math.round(value * 100) / 100;
