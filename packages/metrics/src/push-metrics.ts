import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type CollectionResult,
  type InstrumentType,
  MeterProvider,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { MetricDataWriter, type TemporalityOf } from "./metric-data.ts";
import type { MetricSource } from "./metric-set.ts";
import type { PushOptions, PushProtocol } from "./metrics-env.ts";
import { type MetricsResource, resourceAttributes } from "./resource.ts";

/** What is pushed, whose it is, and what tells of trouble. */
export interface PushedMetrics {
  set: MetricSource;
  resource: MetricsResource;
  nowMs: () => number;
  log: (line: string) => void;
}

/** Metrics that are being pushed. */
export interface MetricsPush {
  /** Collections that the backend did not take. */
  readonly failed: number;
  /** Pushes once more, for some seconds at most, and ends. Safe to call twice; never rejects. */
  stop(): Promise<void>;
}

const DEFAULTS = { protocol: "http/protobuf", intervalMs: 60_000, timeoutMs: 30_000 } as const;
/** How long a stop waits for the last push. */
const STOP_MS = 3_000;

/**
 * Pushes metrics over OTLP by OpenTelemetry's own reader and exporter, which read `OTEL_EXPORTER_OTLP_*` themselves.
 *
 * The provider is this push's own and is registered nowhere.
 */
export async function startPush(pushed: PushedMetrics, options: PushOptions): Promise<MetricsPush> {
  const { protocol, intervalMs, timeoutMs } = { ...DEFAULTS, ...options };
  const exporter = new WatchedExporter(await createExporter(protocol), pushed.log);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
    metricProducers: [producerOf(pushed, (type) => exporter.selectAggregationTemporality(type))],
  });
  const provider = new MeterProvider({
    resource: resourceFromAttributes(resourceAttributes(pushed.resource)),
    readers: [reader],
  });
  let stopping: Promise<void> | undefined;
  return {
    get failed() {
      return exporter.failed;
    },
    stop: () => (stopping ??= stopWithin(provider, STOP_MS)),
  };
}

/** The set as a source of metrics beside the SDK's own instruments, of which there are none. */
function producerOf({ set, resource, nowMs }: PushedMetrics, temporalityOf: TemporalityOf): MetricProducer {
  const writer = new MetricDataWriter(temporalityOf, set.startedAtMs);
  return {
    async collect(): Promise<CollectionResult> {
      const metrics = writer.write(await set.collect(), nowMs());
      const scope = { name: "spanloom", version: resource.serviceVersion };
      // The reader takes the resource from its provider.
      return {
        resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics: [{ scope, metrics }] },
        errors: [],
      };
    },
  };
}

async function createExporter(protocol: PushProtocol): Promise<PushMetricExporter> {
  switch (protocol) {
    case "grpc":
      return new (await import("@opentelemetry/exporter-metrics-otlp-grpc")).OTLPMetricExporter();
    case "http/json":
      return new (await import("@opentelemetry/exporter-metrics-otlp-http")).OTLPMetricExporter();
    case "http/protobuf":
      return new (await import("@opentelemetry/exporter-metrics-otlp-proto")).OTLPMetricExporter();
  }
}

/** An exporter whose failures are counted, and told once until they are over: the SDK tells nobody of them. */
class WatchedExporter implements PushMetricExporter {
  readonly #inner: PushMetricExporter;
  readonly #log: (line: string) => void;
  #isFailing = false;
  failed = 0;

  constructor(inner: PushMetricExporter, log: (line: string) => void) {
    this.#inner = inner;
    this.#log = log;
  }

  export(metrics: ResourceMetrics, done: (result: ExportResult) => void): void {
    this.#inner.export(metrics, (result) => {
      const isFailed = result.code === ExportResultCode.FAILED;
      if (isFailed) this.failed++;
      if (isFailed && !this.#isFailing)
        this.#log(`metrics: cannot push: ${result.error?.message ?? "for no reason told"}`);
      this.#isFailing = isFailed;
      done(result);
    });
  }

  selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    return this.#inner.selectAggregationTemporality?.(type) ?? AggregationTemporality.CUMULATIVE;
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}

async function stopWithin(provider: MeterProvider, delayMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, delayMs);
  });
  const ended = provider.shutdown().catch(() => {
    // Counted and told by the exporter; there is no later try.
  });
  await Promise.race([ended, late]);
  clearTimeout(timer);
}
