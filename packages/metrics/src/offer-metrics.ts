import type { Histogram, Meter } from "@opentelemetry/api";
import type { MetricSource } from "./metric-set.ts";

/**
 * Gives a set's metrics to a meter of the application, whose provider then collects them.
 *
 * Sums are read when that collects. Histograms get every value as it is recorded, which costs a microsecond or so.
 */
export function offerMetrics(set: MetricSource, meter: Meter): void {
  const observables = Object.entries(set.catalogue).flatMap(([name, { kind, unit, about: description }]) => {
    const options = { unit, description };
    if (kind === "counter") return [[name, meter.createObservableCounter(name, options)] as const];
    if (kind === "updown") return [[name, meter.createObservableUpDownCounter(name, options)] as const];
    return kind === "gauge" ? [[name, meter.createObservableGauge(name, options)] as const] : [];
  });
  const byName = new Map(observables);
  meter.addBatchObservableCallback(
    async (result) => {
      for (const { name, points } of await set.collect()) {
        const observable = byName.get(name);
        if (!observable) continue;
        for (const { attributes, value } of points) result.observe(observable, value as number, attributes);
      }
    },
    observables.map(([, observable]) => observable),
  );
  offerHistograms(set, meter);
}

function offerHistograms(set: MetricSource, meter: Meter): void {
  const byName = new Map<string, Histogram>();
  set.onDistribution((name, { attributes, value }) => {
    const { unit, about, boundaries = [] } = set.catalogue[name]!;
    const histogram =
      byName.get(name) ??
      meter.createHistogram(name, { unit, description: about, advice: { explicitBucketBoundaries: [...boundaries] } });
    byName.set(name, histogram);
    value.onRecord = (each) => histogram.record(each, attributes);
  });
}
