import type { MeasureName } from "@spanloom/query";
import { durationText } from "../../text/duration-text.ts";

/** What groups are measured by, as it stands in the URL. */
export type ShownMeasure = MeasureName | "error_rate";

/** A measure as a column of the table of groups. */
export interface MeasureText {
  measure: ShownMeasure;
  label: string;
  /** The column of the answer; the rate of errors is made of two. */
  column: string;
  format: (value: number | null) => string;
}

const number = (value: number | null) => (value === null ? "–" : value.toLocaleString());

/** Nanoseconds. */
const time = (value: number | null) => (value === null ? "–" : durationText(value / 1e6));

/** A part of a whole; what is there but small is never told as nothing. */
function rate(value: number | null): string {
  if (value === null) return "–";
  const percent = value * 100;
  if (percent === 0) return "0%";
  return percent < 0.1 ? "<0.1%" : `${percent < 10 ? percent.toFixed(1) : Math.round(percent)}%`;
}

/** All there are, in the order of columns. */
export const measures: readonly MeasureText[] = [
  { measure: "count", label: "Spans", column: "count", format: number },
  { measure: "errors", label: "Errors", column: "errors", format: number },
  { measure: "error_rate", label: "Error rate", column: "error_rate", format: rate },
  { measure: "min", label: "Min", column: "min_ns", format: time },
  { measure: "mean", label: "Mean", column: "mean_ns", format: time },
  { measure: "p50", label: "p50", column: "p50_ns", format: time },
  { measure: "p90", label: "p90", column: "p90_ns", format: time },
  { measure: "p95", label: "p95", column: "p95_ns", format: time },
  { measure: "p99", label: "p99", column: "p99_ns", format: time },
  { measure: "max", label: "Max", column: "max_ns", format: time },
  { measure: "sum", label: "Total time", column: "sum_ns", format: time },
];

/** The measures of a list in the URL, in the order of columns; spans are always counted. */
export function shownMeasures(list: readonly string[]): MeasureText[] {
  return measures.filter(({ measure }) => measure === "count" || list.includes(measure));
}

/** What to ask for to show them. */
export function askedMeasures(shown: readonly MeasureText[]): MeasureName[] {
  const names = shown.flatMap(({ measure }) => (measure === "error_rate" ? (["errors"] as const) : [measure]));
  return [...new Set<MeasureName>(["count", ...names])];
}

/** Errors among spans; null where there are none. */
export function errorRate(count: number, errors: number): number | null {
  return count === 0 ? null : errors / count;
}
