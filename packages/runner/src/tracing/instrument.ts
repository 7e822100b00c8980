import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { SpanloomError, type TaskResult } from "@spanloom/protocol";
import { nameProvider, providerBehind, registeredProvider } from "./application-provider.ts";
import { finishedAttemptSpan } from "./attempt-span.ts";
import type { AttemptTracing } from "./attempt-tracing.ts";
import { withMintedId } from "./minted-span.ts";
import { SCOPE } from "./shared-tracer.ts";
import { asOwnSpans, hasSpanloomProcessor, SpanloomSpanProcessor } from "./span-processor.ts";

/** Options of {@link instrument}. */
export interface InstrumentOptions {
  /** The application's provider, of the OpenTelemetry SDK 1.x or 2.x. Default: the one it has registered. */
  tracerProvider?: TracerProvider | undefined;
  /**
   * Whether the spans of attempts go to this provider, too, so that its exporters have the parents of what it traces.
   * The provider must have been made with `idGenerator: spanloomIdGenerator()`. Default false.
   */
  attemptSpans?: boolean | undefined;
}

/**
 * Joins an application's tracer provider and Spanloom: what it traces within tasks reaches Spanloom, and `ctx.tracer` and
 * `ctx.span` of all runners, started or not, make spans of this provider. Returns how to undo it.
 *
 * The provider need not be registered. One of the SDK 1.x is given Spanloom's processor; one of the SDK 2.x takes
 * processors only when it is made, so `spanloomSpanProcessor()` must be among them. Nothing of it is patched. Its spans
 * outside of tasks are none of Spanloom's business. What was undone leaves an idle processor in a provider of the SDK 1.x.
 *
 * Errors: INVALID_STATE when there is no provider, or when it has not the processor or the id generator and cannot be
 * given them.
 */
export function instrument({ tracerProvider, attemptSpans = false }: InstrumentOptions = {}): () => void {
  const given = tracerProvider ? providerBehind(tracerProvider) : registeredProvider();
  if (!given) throw refused("there is none: give it as `tracerProvider`, or register it before");
  const provider: SdkProvider = given;
  if (attemptSpans) checkIdGenerator(provider);
  const removeProcessor = addProcessor(provider);
  const forget = nameProvider(provider);
  const receiver = { provider, hasFailed: false };
  if (attemptSpans) receivers.add(receiver);
  let isUndone = false;
  return () => {
    if (isUndone) return;
    isUndone = true;
    receivers.delete(receiver);
    forget();
    removeProcessor();
  };
}

/** Whether anyone asked for the spans of attempts. */
export function wantsAttemptSpans(): boolean {
  return receivers.size > 0;
}

/**
 * Gives the span of an attempt that has ended to the application's providers that asked for it. Never throws: the first
 * time that a provider does, it is logged.
 */
export function giveAttemptSpan(tracing: AttemptTracing, result: TaskResult, log: (line: string) => void): void {
  const span = finishedAttemptSpan(tracing, result);
  if (!span) return;
  for (const receiver of receivers) {
    try {
      copySpan(receiver.provider, span, tracing.parentContext());
    } catch (error) {
      // A sampler or a processor of the application's; the attempt must not fail for being watched.
      if (!receiver.hasFailed) log(`the application's tracer provider takes no attempt's span: ${String(error)}`);
      receiver.hasFailed = true;
    }
  }
}

/** What a tracer provider of the SDK can do, of 1.x or 2.x. */
interface SdkProvider extends TracerProvider {
  forceFlush?(): Promise<void>;
  /** Of 1.x alone. */
  addSpanProcessor?(processor: object): void;
  /** Of 1.x alone. */
  getActiveSpanProcessor?(): object;
}

/** Providers that are given the spans of attempts. */
const receivers = new Set<{ readonly provider: TracerProvider; hasFailed: boolean }>();

/** Processors that were added to providers, which keep them for good, and how many ask for each. */
const additions = new WeakMap<TracerProvider, { readonly processor: SpanloomSpanProcessor; users: number }>();

/** Adds the processor where it is not there yet; returns how to undo it. */
function addProcessor(provider: SdkProvider): () => void {
  let addition = additions.get(provider);
  if (!addition) {
    if (provider.forceFlush && hasSpanloomProcessor({ forceFlush: () => provider.forceFlush!() }))
      return () => undefined;
    addition = { processor: newProcessorOf(provider), users: 0 };
    additions.set(provider, addition);
  }
  const { processor } = addition;
  const added = addition;
  processor.isActive = ++added.users > 0;
  return () => {
    processor.isActive = --added.users > 0;
  };
}

function newProcessorOf(provider: SdkProvider): SpanloomSpanProcessor {
  if (!provider.addSpanProcessor)
    throw refused(
      "it takes span processors only when it is made: put `spanloomSpanProcessor()` among its `spanProcessors`",
    );
  // 1.x shuts the exporter of OTEL_TRACES_EXPORTER down when the first processor is added.
  if (provider.getActiveSpanProcessor?.().constructor.name === "BatchSpanProcessor")
    throw refused(
      "it has no span processor but that of OTEL_TRACES_EXPORTER, which another would replace: add both to it",
    );
  const processor = new SpanloomSpanProcessor({ annotate: true });
  provider.addSpanProcessor(processor);
  return processor;
}

/** Starts a span that is not sampled and never ends, so that nobody sees it, to find out where its id comes from. */
function checkIdGenerator(provider: TracerProvider): void {
  const parent = { traceId: "1".repeat(32), spanId: "1".repeat(16), traceFlags: TraceFlags.NONE };
  const context = trace.setSpanContext(ROOT_CONTEXT, parent);
  const probe = startOwn(provider, PROBE_ID, (tracer) => tracer.startSpan("probe", {}, context));
  if (probe.spanContext().spanId === PROBE_ID) return;
  throw refused("attemptSpans needs ids that the server mints: make it with `idGenerator: spanloomIdGenerator()`");
}

const PROBE_ID = "5".repeat(16);

function copySpan(provider: TracerProvider, span: ReadableSpan, parent: Context): void {
  const { name, kind, startTime, attributes, links } = span;
  const copy = startOwn(provider, span.spanContext().spanId, (tracer) =>
    tracer.startSpan(name, { kind, startTime, attributes, links }, parent),
  );
  for (const event of span.events) copy.addEvent(event.name, event.attributes, event.time);
  copy.setStatus(span.status);
  copy.end(span.endTime);
}

function startOwn(provider: TracerProvider, spanId: string, start: (tracer: Tracer) => Span): Span {
  return asOwnSpans(() => withMintedId(spanId, () => start(provider.getTracer(SCOPE))));
}

function refused(why: string): SpanloomError {
  return new SpanloomError("INVALID_STATE", `cannot instrument the tracer provider: ${why}`);
}
