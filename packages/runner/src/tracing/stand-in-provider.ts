import {
  type Context,
  ProxyTracerProvider,
  type Span,
  type SpanOptions,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { tracesAttemptsOnly } from "@spanloom/sdk";
import { registeredProvider } from "./application-provider.ts";

/**
 * Stands in for the tracer provider of an application that has none, so that what its libraries trace within attempts
 * reaches Spanloom.
 *
 * I1. It takes nobody's place: an application that registers a provider later, as any does, has its registration
 *     accepted, and everything it traces from then on, also with tracers it got before, is its provider's.
 */
class StandInProvider implements TracerProvider {
  readonly [tracesAttemptsOnly] = true;
  readonly #own: TracerProvider;

  constructor(own: TracerProvider) {
    this.#own = own;
  }

  getTracer(...scope: Parameters<TracerProvider["getTracer"]>): Tracer {
    return new StandInTracer(this.#own, scope);
  }
}

/**
 * Lets the tracers of OpenTelemetry's API be those of `own` as long as nobody registers another provider. Safe to call
 * again.
 *
 * The global registration stays free: the API takes only one, and refuses whoever comes second.
 */
export function standIn(own: TracerProvider): void {
  const proxy = trace.getTracerProvider();
  if (!(proxy instanceof ProxyTracerProvider) || proxy.getDelegateTracer("probe")) return;
  proxy.setDelegate(new StandInProvider(own));
}

class StandInTracer implements Tracer {
  readonly #own: TracerProvider;
  readonly #scope: Parameters<TracerProvider["getTracer"]>;
  #provider: TracerProvider | undefined;
  #tracer: Tracer | undefined;

  constructor(own: TracerProvider, scope: Parameters<TracerProvider["getTracer"]>) {
    this.#own = own;
    this.#scope = scope;
  }

  startSpan(name: string, options?: SpanOptions, context?: Context): Span {
    return this.#current().startSpan(name, options, context);
  }

  startActiveSpan<Run extends (span: Span) => unknown>(...args: unknown[]): ReturnType<Run> {
    const tracer = this.#current();
    return Reflect.apply(tracer.startActiveSpan, tracer, args) as ReturnType<Run>;
  }

  #current(): Tracer {
    const provider = registeredProvider() ?? this.#own;
    if (provider !== this.#provider || !this.#tracer) {
      this.#provider = provider;
      this.#tracer = provider.getTracer(...this.#scope);
    }
    return this.#tracer;
  }
}
