import {
  context,
  createContextKey,
  ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { tracesAttemptsOnly } from "@spanloom/sdk";
import { SharedTracer } from "./shared-tracer.ts";
import { SpanloomSpanProcessor } from "./span-processor.ts";

/**
 * The process's tracer provider. OpenTelemetry's registrations are global, so this is one per process too, however many
 * runners it has: spans find their runner through their context.
 */
interface ProcessTracing {
  provider: BasicTracerProvider;
  resource: Resource;
}

let processTracing: ProcessTracing | undefined;

/** What a runner uses of the process's tracing. */
export interface TracingRegistration {
  /** Tracer of `ctx.tracer` and `ctx.span`. */
  tracer: Tracer;
  /** Resource of the process's provider. */
  resource: Resource;
}

/**
 * Registers what the application has not: a context manager always, as nothing nests without one; with `global` also a
 * tracer provider and the W3C propagators. Safe to call from any number of runners.
 *
 * What is there is looked for first: OpenTelemetry would refuse a second registration, and print an error.
 */
export function registerTracing(resource: Resource, options: { global: boolean }): TracingRegistration {
  if (!hasContextManager()) context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  if (!processTracing) {
    const provider = new BasicTracerProvider({ resource, spanProcessors: [new SpanloomSpanProcessor()] });
    Object.assign(provider, { [tracesAttemptsOnly]: true });
    processTracing = { provider, resource };
  }
  if (options.global) {
    if (!hasTracerProvider()) trace.setGlobalTracerProvider(processTracing.provider);
    if (propagation.fields().length === 0) propagation.setGlobalPropagator(w3cPropagator());
  }
  return { tracer: tracerOf(processTracing.provider), resource: processTracing.resource };
}

function tracerOf(provider: BasicTracerProvider): Tracer {
  const own = provider.getTracer(SCOPE);
  const registered = trace.getTracerProvider();
  const delegate = registered instanceof ProxyTracerProvider ? registered.getDelegate() : registered;
  return delegate === provider || !hasTracerProvider() ? own : new SharedTracer(registered.getTracer(SCOPE), own);
}

/** Scope of what `ctx.span` and `ctx.tracer` make. */
const SCOPE = "@spanloom/runner";

function hasContextManager(): boolean {
  const probe = createContextKey("spanloom.probe");
  return context.with(ROOT_CONTEXT.setValue(probe, true), () => context.active().getValue(probe) === true);
}

function hasTracerProvider(): boolean {
  const provider = trace.getTracerProvider();
  // Without a registration the API gives a proxy that stands for nothing yet.
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer("probe") !== undefined;
}

function w3cPropagator(): CompositePropagator {
  return new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });
}

/** What a runner knows of itself. */
export interface RunnerIdentity {
  runnerId: string;
  host: string;
  pid: number;
  serviceName: string | undefined;
  serviceVersion: string | undefined;
}

/** A runner's resource: OpenTelemetry's defaults, then OTEL_SERVICE_NAME and the like, then what its options say. */
export function runnerResource(identity: RunnerIdentity): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ "service.name": "spanloom-runner", "host.name": identity.host }))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(
      resourceFromAttributes({
        "process.pid": identity.pid,
        "spanloom.runner.id": identity.runnerId,
        ...(identity.serviceName !== undefined && { "service.name": identity.serviceName }),
        ...(identity.serviceVersion !== undefined && { "service.version": identity.serviceVersion }),
      }),
    );
}
