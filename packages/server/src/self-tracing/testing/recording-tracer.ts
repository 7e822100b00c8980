import {
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import { OtelSelfTracer } from "../otel-self-tracer.ts";
import { SELF_TRACING_SCOPE } from "../own-telemetry.ts";

/** Test fixture: a tracer whose ended spans are kept. */
export function recordingTracer(ratio = 1) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  let us = 1_000_000_000_000_000;
  const tracer = new OtelSelfTracer(provider.getTracer(SELF_TRACING_SCOPE), { nowUs: () => us++ });
  const spans = (): ReadableSpan[] => exporter.getFinishedSpans();
  const named = (name: string): ReadableSpan[] => spans().filter((span) => span.name === name);
  return { tracer, spans, named };
}

/** Ids of the spans that a span is linked to. */
export function linkedIds({ links }: ReadableSpan): string[] {
  return links.map(({ context }) => context.spanId);
}

/** Id of a span. */
export function idOf(span: ReadableSpan): string {
  return span.spanContext().spanId;
}
