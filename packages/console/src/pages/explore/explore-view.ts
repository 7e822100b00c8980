/** What the page shows before anybody has asked for anything else. */
const defaults = {
  /** Name of a period up to now, `all`, or empty when `from` and `to` say it. */
  period: "1h",
  /** Epoch milliseconds. */
  from: "",
  to: "",
  job: "",
  /** A text that names contain, `=exact`, `^beginning` or `/expression/`. */
  name: "",
  type: "",
  status: "",
  outcome: "",
  queue: "",
  runner: "",
  service: "",
  /** Durations, such as `250ms`. */
  min: "",
  max: "",
  /** `true` or `false`; empty means either. */
  open: "",
  /** Conditions with commas between, such as `http.route=/jobs, !retried`. */
  attributes: "",
  /** What to group by, with commas between; attributes begin with `@`. */
  group: "name",
  measures: "count,errors,error_rate,p50,p95,p99",
  /** What is drawn by group over time. */
  chart: "count",
  /** Width of a bucket of time, such as `10s`; empty lets the page choose. */
  step: "",
  /** How often the page asks by itself, such as `10s`; empty is never. */
  every: "",
  /** Column that groups are sorted by; `-` before it means largest first. */
  sort: "-count",
  /** Column that spans are sorted by. */
  order: "-start_time",
};

/** What the page shows: all of it stands in the URL, so that a link shows the same to another. */
export type ExploreView = Readonly<typeof defaults>;

export const defaultView: ExploreView = defaults;

const keys = Object.keys(defaults) as (keyof ExploreView)[];

/** The view of a URL's query; what it does not know it leaves out. */
export function parseExploreView(query: string): ExploreView {
  const search = new URLSearchParams(query);
  const view = Object.fromEntries(keys.map((key) => [key, search.get(key) ?? defaults[key]]));
  return view as unknown as ExploreView;
}

/** The query of a view, without `?`: only what differs from the first view. */
export function formatExploreView(view: ExploreView): string {
  const search = new URLSearchParams();
  for (const key of keys) if (view[key] !== defaults[key]) search.set(key, view[key]);
  return search.toString();
}

/** Fields that narrow the spans down, times aside. */
export const conditionKeys = [
  "job",
  "name",
  "type",
  "status",
  "outcome",
  "queue",
  "runner",
  "service",
  "min",
  "max",
  "open",
  "attributes",
] as const satisfies readonly (keyof ExploreView)[];

/** The part of a view that decides which spans it is about. */
export function conditionsKey(view: ExploreView): string {
  return JSON.stringify(["period", "from", "to", ...conditionKeys].map((key) => view[key as keyof ExploreView]));
}

/** Whether it shows some spans of its time and not others. */
export function isNarrowed(view: ExploreView): boolean {
  return conditionKeys.some((key) => view[key] !== "");
}

/** A list as it is typed: commas between, `""` for the empty text. */
export function parseList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => (part === '""' ? "" : part));
}

/** What {@link parseList} reads. */
export function formatList(items: readonly string[]): string {
  return items.map((item) => (item === "" ? '""' : item)).join(",");
}
