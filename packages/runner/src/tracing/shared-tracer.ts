import { type Context, context, type Span, type SpanOptions, type Tracer, trace } from "@opentelemetry/api";
import { attemptOfContext } from "./attempt-tracing.ts";
import { lastCollected } from "./span-processor.ts";

/**
 * The tracer of `ctx.tracer` and `ctx.span` where the application has a tracer provider: that provider's, so that its
 * exporters see these spans too, parents of what its libraries trace; the runner's own for spans that would not reach
 * Spanloom through it.
 *
 * I1. A span of a sampled attempt always reaches Spanloom, whatever processors and sampler the application chose.
 */
export class SharedTracer implements Tracer {
  readonly #application: Tracer;
  readonly #own: Tracer;
  /** Whether the application's provider has Spanloom's processor, as far as is known. */
  #hasProcessor = true;

  constructor(application: Tracer, own: Tracer) {
    this.#application = application;
    this.#own = own;
  }

  startSpan(name: string, options?: SpanOptions, parent: Context = context.active()): Span {
    if (!this.#hasProcessor) return this.#own.startSpan(name, options, parent);
    const span = this.#application.startSpan(name, options, parent);
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
}
