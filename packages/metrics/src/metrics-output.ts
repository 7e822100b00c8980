import type { MetricSource } from "./metric-set.ts";
import type { PushOptions } from "./metrics-env.ts";
import type { MetricsPush, PushedMetrics } from "./push-metrics.ts";
import type { MetricsResource } from "./resource.ts";

/** Content type of Prometheus' text. */
export const prometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

/** All metrics of a set as Prometheus' text. OpenTelemetry's serializer is loaded by the first call. */
export async function writePrometheus(set: MetricSource, resource: MetricsResource, nowMs: number): Promise<string> {
  const { prometheusText } = await import("./prometheus-text.ts");
  return prometheusText(set, resource, nowMs);
}

/** Pushes metrics over OTLP until it is stopped. OpenTelemetry's SDK and exporter are loaded by the call. */
export async function pushMetrics(pushed: PushedMetrics, options: PushOptions): Promise<MetricsPush> {
  const { startPush } = await import("./push-metrics.ts");
  return startPush(pushed, options);
}
