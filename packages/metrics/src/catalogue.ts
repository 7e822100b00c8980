/** What a metric counts or measures, and how its values go together. */
export type MetricKind =
  /** A sum that only grows. */
  | "counter"
  /** A sum that also falls, as a number of tasks that wait. */
  | "updown"
  /** A value of which a sum over servers says nothing, as an age. */
  | "gauge"
  /** How values are spread, in buckets. */
  | "histogram";

/** One metric as its program's catalogue has it. */
export interface MetricEntry {
  kind: MetricKind;
  /** By UCUM: `s`, `By`, `1`, or a thing in braces as `{task}`. */
  unit: string;
  /** For people, in one sentence. */
  about: string;
  /** What tells its series apart, and what the values of each are. */
  attributes?: Readonly<Record<string, string>>;
  /** Upper bounds of a histogram's buckets, ascending; there is one more bucket for what is above the last. */
  boundaries?: readonly number[];
  /** Every server on the same record shows the same value: to be taken from one of them, not added up. */
  isShared?: boolean;
}

/** Metrics of a program by name. Names follow OpenTelemetry's conventions, and its own where it has one. */
export type Catalogue = Readonly<Record<string, MetricEntry>>;

/** Names of a catalogue's metrics of some kinds. */
export type NamesOf<C extends Catalogue, Kind extends MetricKind> = {
  [Name in keyof C]: C[Name]["kind"] extends Kind ? Name : never;
}[keyof C] &
  string;

/** Names of units as Prometheus has them; what is in braces has none. */
const suffixes: Readonly<Record<string, string>> = { s: "seconds", By: "bytes", "1": "ratio" };

/** The unit of a metric as Prometheus names it; empty when it has none. */
export function prometheusUnit(unit: string): string {
  return suffixes[unit] ?? "";
}

/** The name that a metric has in Prometheus' text: with its unit, and `_total` when it only grows. */
export function prometheusName(name: string, { kind, unit }: Pick<MetricEntry, "kind" | "unit">): string {
  const plain = name.replace(/[^a-zA-Z0-9_]+/g, "_");
  const suffix = prometheusUnit(unit);
  const named = suffix === "" || plain.endsWith(`_${suffix}`) ? plain : `${plain}_${suffix}`;
  return kind === "counter" ? `${named}_total` : named;
}
