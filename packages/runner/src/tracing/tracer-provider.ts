import {
  context,
  createContextKey,
  ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Tracer,
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
import { Origins } from "./origins.ts";
import { SCOPE, SharedTracer } from "./shared-tracer.ts";
import { SpanloomSpanProcessor } from "./span-processor.ts";
import { standIn } from "./stand-in-provider.ts";

/**
 * The process's tracer provider. OpenTelemetry's registrations are global, so this is one per process too, however many
 * runners it has: spans find their runner through their context.
 */
interface ProcessTracing {
  provider: BasicTracerProvider;
  resource: Resource;
  tracer: Tracer;
}

let processTracing: ProcessTracing | undefined;

/** What a runner uses of the process's tracing. */
interface TracingRegistration {
  /** Tracer of `ctx.tracer` and `ctx.span`. */
  tracer: Tracer;
  /** Resource of the process's provider. */
  resource: Resource;
}

/**
 * Sets up what the application has not: a context manager always, as nothing nests without one; with `global` also a
 * provider that stands in for one of the application's, and the W3C propagators. Safe to call from any number of runners.
 *
 * What is there is looked for first: OpenTelemetry would refuse a second registration, and print an error.
 */
function registerTracing(resource: Resource, options: { global: boolean }): TracingRegistration {
  registerContextManager();
  processTracing ??= createTracing(resource);
  if (options.global) {
    standIn(processTracing.provider);
    if (propagation.fields().length === 0) propagation.setGlobalPropagator(w3cPropagator());
  }
  return processTracing;
}

function createTracing(resource: Resource): ProcessTracing {
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new SpanloomSpanProcessor()] });
  return { provider, resource, tracer: new SharedTracer(provider.getTracer(SCOPE)) };
}

/** Registers a context manager where there is none: without one, nothing tells which attempt code belongs to. */
function registerContextManager(): void {
  const probe = createContextKey("spanloom.probe");
  const isThere = context.with(ROOT_CONTEXT.setValue(probe, true), () => context.active().getValue(probe) === true);
  if (!isThere) context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
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

/** The tracing of one runner. */
export interface RunnerTracing {
  /** Tracer of `ctx.tracer` and `ctx.span`. */
  tracer: Tracer;
  /** Its resource and that of the process's provider. */
  origins: Origins;
}

/** Sets up tracing for a runner; where it is off only what tells attempts apart, and a tracer that records nothing. */
export function traceRunner(identity: RunnerIdentity, options: { enabled: boolean; global: boolean }): RunnerTracing {
  const own = runnerResource(identity);
  if (options.enabled) {
    const { tracer, resource } = registerTracing(own, options);
    return { tracer, origins: new Origins(own, resource) };
  }
  registerContextManager();
  // A proxy that stands for nothing: its spans carry on their parent's context and record nothing.
  return { tracer: new ProxyTracerProvider().getTracer(SCOPE), origins: new Origins(own, own) };
}

/** A runner's resource: OpenTelemetry's defaults, then OTEL_SERVICE_NAME and the like, then what its options say. */
function runnerResource(identity: RunnerIdentity): Resource {
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
