import type { AggregateColumns, AggregateInput, QueryClient, SpanConditions } from "@spanloom/query";
import type { RecordBatch } from "apache-arrow";
import type { GroupKey, GroupValue } from "./group-key.ts";
import { askedMeasures, errorRate, type MeasureText } from "./measures.ts";
import { type AnswerColumns, type Cell, readColumns } from "./read-columns.ts";
import { stepFor, type TimeSpan } from "./time-span.ts";

/** What is asked for, and how it can be ended. */
export interface Asking {
  client: QueryClient;
  conditions: SpanConditions;
  signal: AbortSignal;
}

/** What all spans of a filter come to. Durations in nanoseconds; null where none has ended. */
export interface Totals {
  count: number;
  errors: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  max: number | null;
}

export async function askTotals(asking: Asking): Promise<Totals> {
  const answer = await ask(asking, { measures: ["count", "errors", "p50", "p95", "p99", "max"] });
  const first = (name: string) => answer.column(name)[0] as number | null;
  return {
    count: first("count") ?? 0,
    errors: first("errors") ?? 0,
    p50: first("p50_ns") ?? null,
    p95: first("p95_ns") ?? null,
    p99: first("p99_ns") ?? null,
    max: first("max_ns") ?? null,
  };
}

const DAY_MS = 86_400_000;
/** Looks at what was found, each at a two-hundredth of it. */
const MOST_LOOKS = 4;

/**
 * When the spans of a filter without a time began: a little more than all of it; undefined when there are none.
 *
 * Days are looked at first. As long as what there is takes less than half of what was looked at, it is looked at closer.
 */
export async function askAllTime(asking: Asking): Promise<TimeSpan | undefined> {
  let found = await askExtent(asking, DAY_MS);
  for (let look = 0; found && look < MOST_LOOKS; look++) {
    const start = { from: new Date(found.fromMs), to: new Date(found.toMs) };
    const within = { ...asking, conditions: { and: [asking.conditions, { start }] } };
    const closer: TimeSpan | undefined = await askExtent(within, stepFor(found, 200));
    const enough = !closer || closer.toMs - closer.fromMs > (found.toMs - found.fromMs) / 2;
    found = closer ?? found;
    if (enough) break;
  }
  return found && atLeast(found, LEAST_MS);
}

/** A moment alone would fill a chart with one bar. */
const LEAST_MS = 1_000;

/** A time with what is around it, if it is shorter. */
function atLeast({ fromMs, toMs }: TimeSpan, leastMs: number): TimeSpan {
  const lacking = Math.max(0, leastMs - (toMs - fromMs)) / 2;
  return { fromMs: fromMs - lacking, toMs: toMs + lacking };
}

/** From the first bucket of time that has spans to the end of the last. */
async function askExtent(asking: Asking, stepMs: number): Promise<TimeSpan | undefined> {
  const answer = await ask(asking, { measures: ["count"], timeBucketMs: stepMs });
  const starts = answer.column("time_bucket") as number[];
  if (starts.length === 0) return undefined;
  const first = starts.reduce((least, start) => Math.min(least, start));
  const last = starts.reduce((most, start) => Math.max(most, start));
  return { fromMs: first, toMs: last + stepMs };
}

/** Measures over time, a value for each bucket; null where no span has one. */
export interface TimeSeries {
  starts: readonly number[];
  stepMs: number;
  values: Readonly<Record<string, readonly (number | null)[]>>;
}

const overTime = ["count", "errors", "p50", "p90", "p95", "p99"] as const;

export async function askOverTime(asking: Asking, starts: readonly number[], stepMs: number): Promise<TimeSeries> {
  const answer = await ask(asking, { measures: overTime, timeBucketMs: stepMs });
  const places = placesOf(answer, starts);
  const columns = { count: "count", errors: "errors", p50: "p50_ns", p90: "p90_ns", p95: "p95_ns", p99: "p99_ns" };
  const values = Object.entries(columns).map(([measure, column]) => {
    const empty = measure === "count" || measure === "errors" ? 0 : null;
    return [measure, spread(answer.column(column), { places, length: starts.length, empty })];
  });
  return { starts, stepMs, values: Object.fromEntries(values) };
}

/** A group of spans, and what was measured of it by column. */
export interface Group {
  values: readonly GroupValue[];
  measured: Readonly<Record<string, number | null>>;
}

/** Groups of a filter, as many as were asked for. */
export interface GroupList {
  groups: readonly Group[];
  /** Whether there are more than these. */
  more: boolean;
}

/** How groups are asked for. */
export interface GroupAsk {
  keys: readonly GroupKey[];
  shown: readonly MeasureText[];
  /** A column, with `-` before it for largest first. */
  sort: string;
  limit: number;
}

export async function askGroups(asking: Asking, { keys, shown, sort, limit }: GroupAsk): Promise<GroupList> {
  const column = sort.replace(/^-/, "");
  const isColumn = keys.some((key) => key.column === column) || shown.some((each) => each.column === column);
  // The rate of errors is made here: the groups with the most errors are asked for, and put in order by it.
  const byRate = column === "error_rate";
  const orderBy = byRate || !isColumn ? (byRate ? "errors" : "count") : column;
  const measures = askedMeasures(shown);
  if (orderBy === "errors" && !measures.includes("errors")) measures.push("errors");
  const descending = byRate || !isColumn || sort.startsWith("-");
  const answer = await ask(asking, {
    groupBy: keys.map(({ input }) => input),
    measures,
    orderBy: { column: orderBy, descending } as never,
    limit: limit + 1,
  });
  const groups = Array.from({ length: Math.min(limit, answer.rows) }, (_, row) => groupOf(answer, keys, row));
  if (byRate) groups.sort((a, b) => (rateOf(a) - rateOf(b)) * (sort.startsWith("-") ? -1 : 1));
  return { groups, more: answer.rows > limit };
}

const measureColumns = [
  "count",
  "errors",
  "min_ns",
  "mean_ns",
  "p50_ns",
  "p90_ns",
  "p95_ns",
  "p99_ns",
  "max_ns",
  "sum_ns",
];

function groupOf(answer: AnswerColumns, keys: readonly GroupKey[], row: number): Group {
  const measured = Object.fromEntries(
    measureColumns.map((name) => [name, (answer.column(name)[row] ?? null) as number | null]),
  );
  return {
    values: keys.map(({ column }) => textOf(answer.column(column)[row])),
    measured: { ...measured, error_rate: errorRate(measured.count ?? 0, measured.errors ?? 0) },
  };
}

const rateOf = ({ measured }: Group): number => measured.error_rate ?? -1;

function textOf(cell: Cell | undefined): GroupValue {
  return cell === null || cell === undefined ? null : String(cell);
}

/** One measure over time of each of some groups, in their order. */
export async function askGroupsOverTime(
  asking: Asking,
  {
    keys,
    measure,
    starts,
    stepMs,
  }: { keys: readonly GroupKey[]; measure: MeasureText; starts: readonly number[]; stepMs: number },
  groups: readonly Group[],
): Promise<(readonly (number | null)[])[]> {
  const answer = await ask(asking, {
    groupBy: keys.map(({ input }) => input),
    measures: askedMeasures([measure]),
    timeBucketMs: stepMs,
  });
  const rowsOf = new Map<string, number[]>();
  for (let row = 0; row < answer.rows; row++) {
    const key = JSON.stringify(keys.map(({ column }) => textOf(answer.column(column)[row])));
    const rows = rowsOf.get(key) ?? [];
    rowsOf.set(key, rows);
    rows.push(row);
  }
  const places = placesOf(answer, starts);
  const counted = measure.column === "count" || measure.column === "errors" || measure.column === "sum_ns";
  return groups.map(({ values }) => {
    const line: (number | null)[] = new Array(starts.length).fill(counted ? 0 : null);
    for (const row of rowsOf.get(JSON.stringify(values)) ?? []) {
      const at = places[row] ?? -1;
      if (at >= 0) line[at] = measureAt(answer, measure.column, row);
    }
    return line;
  });
}

function measureAt(answer: AnswerColumns, column: string, row: number): number | null {
  const cell = (name: string) => (answer.column(name)[row] ?? null) as number | null;
  return column === "error_rate" ? errorRate(cell("count") ?? 0, cell("errors") ?? 0) : cell(column);
}

/** Which bucket each row is of. */
function placesOf(answer: AnswerColumns, starts: readonly number[]): number[] {
  const known = new Map(starts.map((start, at) => [start, at]));
  return answer.column("time_bucket").map((start) => known.get(start as number) ?? -1);
}

function spread(
  cells: readonly Cell[],
  { places, length, empty }: { places: readonly number[]; length: number; empty: number | null },
): (number | null)[] {
  const values: (number | null)[] = new Array(length).fill(empty);
  for (const [row, cell] of cells.entries()) {
    const at = places[row] ?? -1;
    if (at >= 0) values[at] = cell as number | null;
  }
  return values;
}

function ask({ client, conditions, signal }: Asking, input: AggregateInput): Promise<AnswerColumns> {
  const batches: AsyncIterable<RecordBatch<AggregateColumns<AggregateInput>>> = client
    .spans(conditions)
    .aggregate(input)
    .stream({ signal });
  return readColumns(batches);
}
