import { type HrTime, ValueType } from "@opentelemetry/api";
import {
  AggregationTemporality,
  DataPointType,
  InstrumentType,
  type MetricData,
  type MetricDescriptor,
} from "@opentelemetry/sdk-metrics";
import type { MetricEntry, MetricKind } from "./catalogue.ts";
import { Distribution } from "./distribution.ts";
import type { Collected, Point } from "./metric-set.ts";

/** How a backend wants sums to be told: since the start, or since the last time. */
export type TemporalityOf = (type: InstrumentType) => AggregationTemporality;

/** Sums are read when somebody collects, as OpenTelemetry's observable instruments are. */
const instruments: Readonly<Record<MetricKind, InstrumentType>> = {
  counter: InstrumentType.OBSERVABLE_COUNTER,
  updown: InstrumentType.OBSERVABLE_UP_DOWN_COUNTER,
  gauge: InstrumentType.OBSERVABLE_GAUGE,
  histogram: InstrumentType.HISTOGRAM,
};

type Value = number | { counts: readonly number[]; sum: number; count: number };

/**
 * Writes collections as OpenTelemetry's SDK does, for one backend: for one that wants differences it keeps what it told last.
 */
export class MetricDataWriter {
  readonly #temporalityOf: TemporalityOf;
  readonly #startedAtMs: number;
  readonly #told = new Map<string, Value>();
  #toldAtMs: number;

  constructor(temporalityOf: TemporalityOf, startedAtMs: number) {
    this.#temporalityOf = temporalityOf;
    this.#startedAtMs = this.#toldAtMs = startedAtMs;
  }

  /** One collection, at a time in milliseconds since the epoch. */
  write(collected: readonly Collected[], nowMs: number): MetricData[] {
    const data = collected.map((metric) => this.#metric(metric, nowMs));
    this.#toldAtMs = nowMs;
    return data;
  }

  #metric({ name, entry, points }: Collected, nowMs: number): MetricData {
    const temporality = this.#temporalityOf(instruments[entry.kind]);
    const isDelta =
      temporality === AggregationTemporality.DELTA && (entry.kind === "counter" || entry.kind === "histogram");
    const times = {
      startTime: hrTime(isDelta ? this.#toldAtMs : this.#startedAtMs),
      endTime: hrTime(nowMs),
    };
    const values = points.map(({ attributes, value }) => ({
      ...times,
      attributes,
      value: isDelta ? this.#since(name, { attributes, value }) : copyOf(value),
    }));
    return dataOf({ name, entry }, isDelta, values);
  }

  /** What has been added to a series since it was told last. */
  #since(name: string, { attributes, value }: Point): Value {
    const series = `${name} ${JSON.stringify(attributes)}`;
    const now = copyOf(value);
    const before = this.#told.get(series);
    this.#told.set(series, now);
    return before === undefined ? now : minus(now, before);
  }
}

function dataOf(
  { name, entry }: { name: string; entry: MetricEntry },
  isDelta: boolean,
  values: readonly { startTime: HrTime; endTime: HrTime; attributes: Record<string, string>; value: Value }[],
): MetricData {
  const common = {
    descriptor: descriptorOf(name, entry),
    aggregationTemporality: isDelta ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
  };
  if (entry.kind === "histogram") {
    const boundaries = [...(entry.boundaries ?? [])];
    const dataPoints = values.map(({ value, ...rest }) => ({ ...rest, value: histogramOf(value, boundaries) }));
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = values.map(({ value, ...rest }) => ({ ...rest, value: value as number }));
  if (entry.kind === "gauge") return { ...common, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic: entry.kind === "counter", dataPoints };
}

function descriptorOf(name: string, { about, unit }: MetricEntry): MetricDescriptor {
  const valueType = unit === "s" || unit === "1" ? ValueType.DOUBLE : ValueType.INT;
  return { name, description: about, unit, valueType };
}

function histogramOf(value: Value, boundaries: number[]) {
  const { counts, sum, count } = value as Exclude<Value, number>;
  return { buckets: { boundaries, counts: [...counts] }, sum, count };
}

/** Distributions go on counting while a collection is being sent. */
function copyOf(value: number | Distribution): Value {
  if (!(value instanceof Distribution)) return value;
  return { counts: [...value.counts], sum: value.sum, count: value.count };
}

function minus(now: Value, before: Value): Value {
  if (typeof now === "number" || typeof before === "number") return (now as number) - (before as number);
  const counts = now.counts.map((count, at) => count - before.counts[at]!);
  return { counts, sum: now.sum - before.sum, count: now.count - before.count };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
