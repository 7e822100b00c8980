import type { Change, ComparedSide, ComparisonRow } from "./comparison-rows.ts";

/** Which duration of the spans of a name is shown and drawn. */
export const compareMeasures = [
  { name: "mean", text: "mean", hint: "mean of a span" },
  { name: "median", text: "median", hint: "median of a span" },
  { name: "p95", text: "p95", hint: "95th percentile of a span" },
  { name: "max", text: "longest", hint: "longest span" },
  { name: "sum", text: "total", hint: "total of all spans" },
] as const satisfies readonly { name: keyof ComparedSide; text: string; hint: string }[];

export type CompareMeasure = (typeof compareMeasures)[number]["name"];

/** What the rows are sorted by. */
export const compareOrders = ["difference", "percent", "errors", "count", "name"] as const;

export type CompareOrder = (typeof compareOrders)[number];

/** What a comparison shows: all of it stands in the URL. */
export interface CompareView {
  measure: CompareMeasure;
  order: CompareOrder;
  /** Empty means all. */
  change: Change | "";
  /** Part of the name. */
  find: string;
}

export const changes: readonly Change[] = ["slower", "faster", "same", "appeared", "vanished", "open"];

/** The view of a URL's query; what it does not know is as at first. */
export function parseCompareView(query: string): CompareView {
  const search = new URLSearchParams(query);
  const one = <Value extends string>(name: string, values: readonly Value[], first: Value): Value =>
    values.find((value) => value === search.get(name)) ?? first;
  return {
    measure: one(
      "measure",
      compareMeasures.map(({ name }) => name),
      "mean",
    ),
    order: one("order", compareOrders, "difference"),
    change: one<Change | "">("change", changes, ""),
    find: search.get("find") ?? "",
  };
}

/** The query of a view, without `?`; only what differs from the view at first. */
export function formatCompareView({ measure, order, change, find }: CompareView): string {
  const search = new URLSearchParams();
  if (measure !== "mean") search.set("measure", measure);
  if (order !== "difference") search.set("order", order);
  if (change !== "") search.set("change", change);
  if (find !== "") search.set("find", find);
  return search.toString();
}

/** Other less base, of a measure; where one has none it counts as nothing. */
export function differenceOf({ base, other }: ComparisonRow, measure: CompareMeasure): number {
  return (other[measure] ?? 0) - (base[measure] ?? 0);
}

/** How much more or less, as a part of the base; undefined where either has nothing to be compared. */
export function ratioOf({ base, other }: ComparisonRow, measure: CompareMeasure): number | undefined {
  const [from, to] = [base[measure], other[measure]];
  return from === undefined || to === undefined || from === 0 || other.count === 0 ? undefined : to / from - 1;
}

/** A difference of less than this part of the base is noise. */
const NOISE = 0.005;

/** How the spans of a name changed by a measure: of one row all tells the same. */
export function changeOf(row: ComparisonRow, measure: CompareMeasure): Change {
  if (row.change === "appeared" || row.change === "vanished" || row.change === "open") return row.change;
  const difference = differenceOf(row, measure);
  const ratio = ratioOf(row, measure);
  if (difference === 0 || (ratio !== undefined && Math.abs(ratio) < NOISE)) return "same";
  return difference > 0 ? "slower" : "faster";
}

/** The rows that a view shows, in its order. */
export function shownRows(rows: readonly ComparisonRow[], view: CompareView): ComparisonRow[] {
  const wanted = view.find.trim().toLowerCase();
  const shown = rows.filter(
    (row) =>
      (view.change === "" || changeOf(row, view.measure) === view.change) &&
      (wanted === "" || row.name.toLowerCase().includes(wanted)),
  );
  return shown.sort(ascending[view.order](view.measure));
}

type Compare = (a: ComparisonRow, b: ComparisonRow) => number;

const ascending: Readonly<Record<CompareOrder, (measure: CompareMeasure) => Compare>> = {
  difference: (measure) => byMost((row) => Math.abs(differenceOf(row, measure))),
  percent: (measure) => byMost((row) => Math.abs(ratioOf(row, measure) ?? Number.NaN)),
  errors: () => byMost(({ base, other }) => Math.abs(other.errors - base.errors) + (base.errors + other.errors) / 1e12),
  count: () => byMost(({ base, other }) => Math.abs(other.count - base.count) + (base.count + other.count) / 1e12),
  name: () => (a, b) => a.name.localeCompare(b.name),
};

function byMost(size: (row: ComparisonRow) => number): Compare {
  // What has no size comes last.
  const known = (row: ComparisonRow) => (Number.isNaN(size(row)) ? -1 : size(row));
  return (a, b) => known(b) - known(a);
}
