export {
  type Catalogue,
  type MetricEntry,
  type MetricKind,
  type NamesOf,
  prometheusName,
} from "./catalogue.ts";
export { batchSizes, callSeconds, Distribution, workSeconds } from "./distribution.ts";
export { type Attributes, MetricSet, type MetricSetOptions, type Observe } from "./metric-set.ts";
export { type MetricsEnvironment, type PushOptions, readMetricsEnvironment } from "./metrics-env.ts";
export { prometheusContentType, pushMetrics, writePrometheus } from "./metrics-output.ts";
export { offerMetrics } from "./offer-metrics.ts";
export type { MetricsPush, PushedMetrics } from "./push-metrics.ts";
export type { MetricsResource } from "./resource.ts";
export { parseTags } from "./static-tags.ts";
