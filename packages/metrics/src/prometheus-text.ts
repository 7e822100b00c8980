import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AggregationTemporality, type MetricData } from "@opentelemetry/sdk-metrics";
import { prometheusName, prometheusUnit } from "./catalogue.ts";
import { MetricDataWriter } from "./metric-data.ts";
import type { Collected, MetricSource } from "./metric-set.ts";
import { type MetricsResource, resourceAttributes } from "./resource.ts";

/**
 * All metrics of a set as Prometheus' text, written by OpenTelemetry's serializer: the resource as `target_info`, static
 * tags on every series.
 *
 * Source: OpenTelemetry specification, Prometheus and OpenMetrics Compatibility; Prometheus text format 0.0.4.
 */
export async function prometheusText(set: MetricSource, resource: MetricsResource, nowMs: number): Promise<string> {
  const collected = await set.collect();
  const writer = new MetricDataWriter(() => AggregationTemporality.CUMULATIVE, set.startedAtMs);
  const metrics = writer.write(tagged(collected, resource.tags), nowMs).map((data, at) => named(data, collected[at]!));
  const scope = { name: "spanloom" };
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  const text = serializer.serialize({
    resource: resourceFromAttributes(resourceAttributes(resource)),
    scopeMetrics: [{ scope, metrics }],
  });
  return text.endsWith("\n") ? text : `${text}\n`;
}

/** With static tags; an attribute of the metric's own goes before. */
function tagged(collected: readonly Collected[], tags: MetricsResource["tags"]): readonly Collected[] {
  if (Object.keys(tags).length === 0) return collected;
  return collected.map((metric) => ({
    ...metric,
    points: metric.points.map(({ attributes, value }) => ({ attributes: { ...tags, ...attributes }, value })),
  }));
}

/** With the unit in the name, where the serializer only has it in a comment. */
function named(data: MetricData, { name, entry }: Collected): MetricData {
  const unit = prometheusUnit(entry.unit);
  return { ...data, descriptor: { ...data.descriptor, name: prometheusName(name, entry), unit } };
}
