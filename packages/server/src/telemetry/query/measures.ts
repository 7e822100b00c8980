import { Measure } from "@spanloom/protocol";
import { queryError } from "./parameters.ts";

/**
 * Measures of spans as SQL: what is gathered of each group, and what the columns of an answer make of it.
 *
 * I1. An open span counts, and has no duration: a group of open spans alone has a sum of 0 and no other duration.
 * I2. Every figure is exact. The percentile p of n durations is the one of rank floor(p * n), counted from 0. Of ten
 *     million spans of 30 names the 99th percentile takes 0.15 s on two cores, of which 0.1 s is this; a t-digest or
 *     buckets of 0.8 % take no less.
 * I3. A sum is gathered in 128 bits and stops at 2^63 - 1 ns, 292 years.
 */

/** What to gather, over the rows for which `of` holds. */
export interface Gathering {
  measures: readonly Measure[];
  /** A condition; absent for every row. */
  of?: string;
  /** Begins the names of what is gathered, so that two gatherings fit in one statement. */
  prefix: string;
}

type Aggregate = "spans" | "errors" | "ended" | "total" | "shortest" | "longest" | "ranks";

interface MeasureDefinition {
  column: string;
  /** What `value` is made of. */
  needs: readonly Aggregate[];
  value: (gathering: Gathering) => string;
}

const ENDED = "duration_ns >= 0";
const MAX_INT64 = "9223372036854775807";

const levels: Partial<Record<Measure, string>> = {
  [Measure.P50]: "0.5",
  [Measure.P90]: "0.9",
  [Measure.P95]: "0.95",
  [Measure.P99]: "0.99",
};

const aggregates: Readonly<Record<Aggregate, (gathering: Gathering) => string>> = {
  spans: ({ of }) => (of === undefined ? "count()" : `countIf(${of})`),
  errors: ({ of }) => `countIf(${both(of, "status = 'ERROR'")})`,
  ended: ({ of }) => `countIf(${both(of, ENDED)})`,
  total: ({ of }) => `sumIf(toInt128(duration_ns), ${both(of, ENDED)})`,
  shortest: ({ of }) => `minIf(duration_ns, ${both(of, ENDED)})`,
  longest: ({ of }) => `maxIf(duration_ns, ${both(of, ENDED)})`,
  // All levels at once: each aggregate of its own would hold the durations once more.
  ranks: ({ of, measures }) => `quantilesExactIf(${levelsOf(measures).join(", ")})(duration_ns, ${both(of, ENDED)})`,
};

function both(of: string | undefined, condition: string): string {
  return of === undefined ? condition : `${of} AND ${condition}`;
}

function levelsOf(measures: readonly Measure[]): string[] {
  return measures.flatMap((measure) => levels[measure] ?? []);
}

const ofEnded = (prefix: string, value: string) => `if(${prefix}ended = 0, NULL, ${value})`;

const percentile = (column: string, measure: Measure): [Measure, MeasureDefinition] => [
  measure,
  {
    column,
    needs: ["ended", "ranks"],
    value: ({ prefix, measures }) =>
      ofEnded(prefix, `${prefix}ranks[${levelsOf(measures).indexOf(levels[measure]!) + 1}]`),
  },
];

const plain = (aggregate: Aggregate) => ({
  needs: [aggregate],
  value: ({ prefix }: Gathering) => `toInt64(${prefix}${aggregate})`,
});

const extreme = (aggregate: Aggregate) => ({
  needs: ["ended", aggregate] as const,
  value: ({ prefix }: Gathering) => ofEnded(prefix, prefix + aggregate),
});

/** Measures in the order of their columns. */
const definitions: ReadonlyMap<Measure, MeasureDefinition> = new Map([
  [Measure.COUNT, { column: "count", ...plain("spans") }],
  [Measure.ERRORS, { column: "errors", ...plain("errors") }],
  [
    Measure.SUM,
    { column: "sum_ns", needs: ["total"], value: ({ prefix }) => `toInt64(least(${prefix}total, ${MAX_INT64}))` },
  ],
  [
    Measure.MEAN,
    {
      column: "mean_ns",
      needs: ["ended", "total"],
      value: ({ prefix }) => ofEnded(prefix, `toFloat64(${prefix}total) / ${prefix}ended`),
    },
  ],
  [Measure.MIN, { column: "min_ns", ...extreme("shortest") }],
  [Measure.MAX, { column: "max_ns", ...extreme("longest") }],
  percentile("p50_ns", Measure.P50),
  percentile("p90_ns", Measure.P90),
  percentile("p95_ns", Measure.P95),
  percentile("p99_ns", Measure.P99),
] satisfies [Measure, MeasureDefinition][]);

/** Columns of all measures, in order. */
export const measureColumns: readonly string[] = [...definitions.values()].map(({ column }) => column);

/** The measures asked for, all when none are named. Errors: INVALID_FIELD. */
export function chosenMeasures(measures: readonly Measure[]): readonly Measure[] {
  for (const [i, measure] of measures.entries()) {
    const field = `measures[${i}]`;
    if (!definitions.has(measure)) throw queryError("INVALID_FIELD", field, `is ${measure}, which is unknown`);
    if (measures.indexOf(measure) < i) throw queryError("INVALID_FIELD", field, `is ${measure} for the second time`);
  }
  return measures.length > 0 ? measures : [...definitions.keys()];
}

/** What a statement that groups has to gather, as it stands in a list of columns. */
export function gatherSql(gathering: Gathering): string[] {
  const needed = new Set(gathering.measures.flatMap((measure) => definitions.get(measure)!.needs));
  return [...needed].map((name) => `${aggregates[name](gathering)} AS ${gathering.prefix}${name}`);
}

/** Columns of the measures and their values over what {@link gatherSql} gathered. */
export function measuresSql(gathering: Gathering): { column: string; value: string }[] {
  return gathering.measures.map((measure) => {
    const { column, value } = definitions.get(measure)!;
    return { column, value: value(gathering) };
  });
}
