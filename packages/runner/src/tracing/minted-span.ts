import type { Context, Span, SpanKind, Tracer } from "@opentelemetry/api";
import { BasicTracerProvider, RandomIdGenerator } from "@opentelemetry/sdk-trace-base";

let minted: string | undefined;
let tracer: Tracer | undefined;

/** An id generator for a tracer provider of OpenTelemetry's SDK, of version 1.x as well as 2.x. */
export interface AnyIdGenerator {
  /** 32 hex digits. */
  generateTraceId(): string;
  /** 16 hex digits. */
  generateSpanId(): string;
}

/**
 * The id generator of an application's tracer provider to which attempts' spans are to go, too: each keeps the id that the
 * server minted for it. All other ids are those of `base`, random ones by default.
 */
export function spanloomIdGenerator(base: AnyIdGenerator = new RandomIdGenerator()): AnyIdGenerator {
  return {
    generateTraceId: () => base.generateTraceId(),
    generateSpanId() {
      // Spans are started one after the other, so one place for the next one's id is enough.
      const spanId = minted ?? base.generateSpanId();
      minted = undefined;
      return spanId;
    },
  };
}

/** Runs what starts one span by a provider that has {@link spanloomIdGenerator}: it gets the id. */
export function withMintedId<Result>(spanId: string, start: () => Result): Result {
  minted = spanId;
  try {
    return start();
  } finally {
    minted = undefined;
  }
}

/** What a span with a given id is made of. */
export interface MintedSpanOptions {
  /** Its id, 16 hex digits. */
  spanId: string;
  /** Its kind. */
  kind: SpanKind;
  /** Epoch milliseconds. */
  startTime: number;
  /** Context whose span is the parent; its sampled flag decides whether the span records. */
  parent: Context;
}

/** Starts a span with a given id. It is made by a provider of its own: no processor or exporter ever sees it. */
export function startMintedSpan(name: string, { spanId, parent, kind, startTime }: MintedSpanOptions): Span {
  tracer ??= new BasicTracerProvider({ idGenerator: spanloomIdGenerator() }).getTracer("@spanloom/runner");
  const maker = tracer;
  return withMintedId(spanId, () => maker.startSpan(name, { kind, startTime }, parent));
}
