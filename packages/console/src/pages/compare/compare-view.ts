import type { Change, ComparisonRow } from "./comparison-rows.ts";

/** Which duration of the spans of a name is shown and drawn. */
export const compareMeasures = [
  { name: "sum", text: "total" },
  { name: "mean", text: "mean" },
  { name: "p95", text: "p95" },
  { name: "max", text: "longest" },
] as const;

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
      "sum",
    ),
    order: one("order", compareOrders, "difference"),
    change: one<Change | "">("change", changes, ""),
    find: search.get("find") ?? "",
  };
}

/** The query of a view, without `?`; only what differs from the view at first. */
export function formatCompareView({ measure, order, change, find }: CompareView): string {
  const search = new URLSearchParams();
  if (measure !== "sum") search.set("measure", measure);
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

/** The rows that a view shows, in its order. */
export function shownRows(rows: readonly ComparisonRow[], view: CompareView): ComparisonRow[] {
  const wanted = view.find.trim().toLowerCase();
  const shown = rows.filter(
    ({ name, change }) =>
      (view.change === "" || change === view.change) && (wanted === "" || name.toLowerCase().includes(wanted)),
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
