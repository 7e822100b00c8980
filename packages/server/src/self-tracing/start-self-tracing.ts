import { detectResources, envDetector, type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, ParentBasedSampler, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace-base";
import type { Clock } from "../clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { BoundedProcessor, type SelfTracingStats } from "./bounded-processor.ts";
import { OtelSelfTracer } from "./otel-self-tracer.ts";
import { SELF_TRACING_SCOPE } from "./own-telemetry.ts";
import type { SelfTracer } from "./self-tracer.ts";
import type { SelfTracingTarget } from "./self-tracing-target.ts";
import { createSpanExporter } from "./span-exporter.ts";

/** What self-tracing is made of. */
export interface SelfTracingOptions {
  target: SelfTracingTarget;
  /** Which part of traces that begin here is recorded, 0 to 1; those of callers are recorded as the callers say. */
  ratio: number;
  /** Names this run of the server, as `service.instance.id`. */
  instanceId: string;
  version: string;
  /** Takes spans for the server's own store. */
  ingest: Telemetry["ingest"];
  clock: Clock;
  log: (line: string) => void;
}

/** Self-tracing that is on. */
export interface SelfTracing {
  readonly tracer: SelfTracer;
  readonly stats: Readonly<SelfTracingStats>;
  /** Exports what has ended, or gives up after some seconds. Never rejects. */
  flush(): Promise<void>;
  /** Exports what has ended and ends. Never rejects; safe to call twice. */
  stop(): Promise<void>;
}

/** How long a stop waits for a peer that does not answer. */
const STOP_MS = 3_000;

/** Makes a provider that nobody else sees: what the process has registered is left alone and not used. */
export async function startSelfTracing(options: SelfTracingOptions): Promise<SelfTracing> {
  const { target, ratio, version, ingest, clock, log } = options;
  const processor = new BoundedProcessor(await createSpanExporter(target, ingest), log);
  const provider = new BasicTracerProvider({
    resource: serverResource(options),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [processor],
  });
  let stopping: Promise<void> | undefined;
  return {
    tracer: new OtelSelfTracer(provider.getTracer(SELF_TRACING_SCOPE, version), clock),
    stats: processor.stats,
    flush: () => within(processor.forceFlush(), clock),
    stop: () => {
      stopping ??= within(provider.shutdown(), clock);
      return stopping;
    },
  };
}

/** The environment's OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win. */
function serverResource({ version, instanceId }: SelfTracingOptions): Resource {
  return resourceFromAttributes({
    "service.name": "spanloom-server",
    "service.version": version,
    "service.instance.id": instanceId,
  }).merge(detectResources({ detectors: [envDetector] }));
}

/** Waits for something for some seconds at most, and whatever becomes of it. */
function within(work: Promise<unknown>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.schedule(resolve, STOP_MS);
    const end = () => {
      cancel();
      resolve();
    };
    work.then(end, end);
  });
}
