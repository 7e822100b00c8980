import { type Context, TraceFlags, trace } from "@opentelemetry/api";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { originOf } from "@spanloom/protocol";
import { type AttemptTracing, attemptOfContext, attemptOfSpan } from "./attempt-tracing.ts";

/** Finds an attempt that runs in this process. */
export type AttemptFinder = (taskId: string, attempt: number) => AttemptTracing | undefined;

const finders = new Set<AttemptFinder>();

/** Lets spans whose parent is only known by its trace context find attempts of a runner; returns how to undo it. */
export function addAttemptFinder(finder: AttemptFinder): () => void {
  finders.add(finder);
  return () => finders.delete(finder);
}

/**
 * Where a span keeps its attempt, once it has begun. A WeakMap would cost each 2 to 3 us of its 10, nearly all of it in
 * the garbage collector.
 */
const ATTEMPT = Symbol("spanloom.attempt");

function attemptKeptBy(span: object): AttemptTracing | undefined {
  return (span as { [ATTEMPT]?: AttemptTracing })[ATTEMPT];
}

let collected: Span | undefined;

/** The span that a processor took note of last; the one just started, if it was. */
export function lastCollected(): unknown {
  return collected;
}

/** Options of {@link SpanloomSpanProcessor}. */
export interface SpanloomSpanProcessorOptions {
  /** Whether attempt attributes are put on the spans when they start, so that other processors see them. */
  annotate?: boolean;
}

/** The processors that a flush under way has come by; undefined when nobody asks. */
let flushed: Set<SpanProcessor> | undefined;

/**
 * Whether a tracer provider has Spanloom's processor, which is told of a flush as all its processors are: no provider
 * names its processors, and an early flush changes nothing that is exported.
 */
export function hasSpanloomProcessor(provider: { forceFlush(): Promise<void> }): boolean {
  flushed = new Set();
  try {
    // What could not be flushed is for the processors to tell, which are asked again.
    provider.forceFlush().catch(() => undefined);
    return flushed.size > 0;
  } finally {
    flushed = undefined;
  }
}

/** Set while the span of an attempt is made by a provider of the application, which would show it here. */
let isOwn = false;

/** Runs what starts spans that are no user spans of an attempt. */
export function asOwnSpans<Result>(start: () => Result): Result {
  isOwn = true;
  try {
    return start();
  } finally {
    isOwn = false;
  }
}

/**
 * Hands every sampled span that ends to the attempt it belongs to; spans outside of attempts are none of its business.
 *
 * A span's attempt is found by its context, else by its parent span, else by the tracestate its parent came with, so
 * that code which builds contexts by hand loses nothing.
 */
export class SpanloomSpanProcessor implements SpanProcessor {
  readonly #annotate: boolean;
  /** Whether it takes note of spans that begin; those that have begun are collected when they end. */
  isActive = true;

  constructor(options: SpanloomSpanProcessorOptions = {}) {
    this.#annotate = options.annotate ?? false;
  }

  onStart(span: Span, parentContext: Context): void {
    if (!this.isActive || isOwn) return;
    const attempt = attemptOfContext(parentContext) ?? attemptOfParent(parentContext);
    if (!attempt?.host.enabled) return;
    (span as { [ATTEMPT]?: AttemptTracing })[ATTEMPT] = attempt;
    collected = span;
    if (this.#annotate) span.setAttributes(attempt.attributes());
    if (isSampled(span)) attempt.spanStarted(span);
  }

  onEnd(span: ReadableSpan): void {
    if (isSampled(span)) attemptKeptBy(span)?.addSpan(span);
  }

  async forceFlush(): Promise<void> {
    if (this.isActive) flushed?.add(this);
  }

  async shutdown(): Promise<void> {}
}

function attemptOfParent(context: Context): AttemptTracing | undefined {
  const parent = trace.getSpan(context);
  if (!parent) return undefined;
  const known = attemptKeptBy(parent) ?? attemptOfSpan(parent);
  if (known) return known;
  const tracestate = parent.spanContext().traceState?.serialize();
  const origin = tracestate ? originOf(tracestate) : undefined;
  if (!origin) return undefined;
  for (const find of finders) {
    const attempt = find(origin.taskId, origin.attempt);
    if (attempt) return attempt;
  }
  return undefined;
}

function isSampled(span: ReadableSpan): boolean {
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** A span processor for a tracer provider of OpenTelemetry's SDK, of version 1.x as well as 2.x. */
export interface AnySpanProcessor {
  /** A span has begun. */
  onStart(span: object, parentContext: Context): void;
  /** A span has ended. */
  onEnd(span: object): void;
  /** Resolves at once: spans are handed on as they end. */
  forceFlush(): Promise<void>;
  /** Resolves at once, and changes nothing: the runner flushes what it holds as it stops. */
  shutdown(): Promise<void>;
}

/**
 * The processor an application adds to a tracer provider of its own, so that its spans reach Spanloom too.
 *
 * Not needed otherwise: without a provider of the application's, the runner registers one that has it.
 */
export function spanloomSpanProcessor(): AnySpanProcessor {
  return new SpanloomSpanProcessor({ annotate: true });
}
