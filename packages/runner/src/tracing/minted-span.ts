import type { Context, Span, SpanKind, Tracer } from "@opentelemetry/api";
import { BasicTracerProvider, type IdGenerator, RandomIdGenerator } from "@opentelemetry/sdk-trace-base";

/** Gives one span the id the server minted; spans are started one after the other, so one place is enough. */
class MintedIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #next: string | undefined;

  /** Sets the id of the next span. */
  mint(spanId: string): void {
    this.#next = spanId;
  }

  generateTraceId(): string {
    return this.#random.generateTraceId();
  }

  generateSpanId(): string {
    const spanId = this.#next ?? this.#random.generateSpanId();
    this.#next = undefined;
    return spanId;
  }
}

const ids = new MintedIds();
let tracer: Tracer | undefined;

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
  tracer ??= new BasicTracerProvider({ idGenerator: ids }).getTracer("@spanloom/runner");
  ids.mint(spanId);
  return tracer.startSpan(name, { kind, startTime }, parent);
}
