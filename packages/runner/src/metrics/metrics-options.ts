import type { MeterProvider } from "@opentelemetry/api";
import type { Attributes, PushOptions } from "@spanloom/metrics";

/** What a runner is told of metrics. */
export interface RunnerMetricsOptions {
  /** The application's, which then collects them. Default: the one registered globally when the runner starts, if any. */
  provider?: MeterProvider | undefined;
  /** Pushes them over OTLP instead, when there is no `provider`. Default: does not. */
  push?: PushOptions | undefined;
  /** Attributes of the resource of what is pushed or written, e.g. another `service.name`. */
  resource?: Attributes | undefined;
  /** Static tags: on the resource of what is pushed, and on every series in Prometheus' text. */
  tags?: Attributes | undefined;
}
