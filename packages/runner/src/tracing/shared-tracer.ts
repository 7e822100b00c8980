import {
  type Context,
  context,
  type Span,
  type SpanOptions,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { applicationProvider, providerChanges } from "./application-provider.ts";
import { attemptOfContext } from "./attempt-tracing.ts";
import { lastCollected } from "./span-processor.ts";

/**
 * The tracer of `ctx.tracer` and `ctx.span`: that of the application's provider where there is one, so that its exporters
 * see these spans too, parents of what its libraries trace; the runner's own otherwise, and for spans that would not
 * reach Spanloom through it.
 *
 * I1. A span of a sampled attempt always reaches Spanloom, whatever processors and sampler the application chose.
 * I2. The application's provider is the one it has now, also when it came after the runner, or goes.
 */
export class SharedTracer implements Tracer {
  readonly #own: Tracer;
  #provider: TracerProvider | undefined;
  #changes = 0;
  #application: Tracer | undefined;
  /** Whether the application's provider has Spanloom's processor, as far as is known. */
  #hasProcessor = true;

  constructor(own: Tracer) {
    this.#own = own;
  }

  startSpan(name: string, options?: SpanOptions, parent: Context = context.active()): Span {
    const application = this.#applicationTracer();
    if (!application || !this.#hasProcessor) return this.#own.startSpan(name, options, parent);
    const span = application.startSpan(name, options, parent);
    if (lastCollected() === span || !attemptOfContext(parent)) return span;
    // A span that records and did not come by has told that there is no processor; it is never ended, so never exported.
    if (span.isRecording()) this.#hasProcessor = false;
    return this.#own.startSpan(name, options, parent);
  }

  startActiveSpan<Run extends (span: Span) => unknown>(name: string, ...rest: unknown[]): ReturnType<Run> {
    const run = rest.at(-1) as Run;
    const [options, parent = context.active()] = rest.slice(0, -1) as [SpanOptions?, Context?];
    const span = this.startSpan(name, options, parent);
    return context.with(trace.setSpan(parent, span), run as (span: Span) => ReturnType<Run>, undefined, span);
  }

  #applicationTracer(): Tracer | undefined {
    const provider = applicationProvider();
    if (provider !== this.#provider || providerChanges() !== this.#changes) {
      this.#provider = provider;
      this.#changes = providerChanges();
      this.#application = provider?.getTracer(SCOPE);
      this.#hasProcessor = true;
    }
    return this.#application;
  }
}

/** Scope of what `ctx.span` and `ctx.tracer` make. */
export const SCOPE = "@spanloom/runner";
