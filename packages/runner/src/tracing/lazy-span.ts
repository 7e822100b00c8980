import {
  type Attributes,
  type AttributeValue,
  createTraceState,
  type Exception,
  type Link,
  type Span,
  type SpanContext,
  type SpanStatus,
  type TimeInput,
  type TraceState,
} from "@opentelemetry/api";

/** Who makes the span when it is needed. */
export interface SpanSource {
  /** Its ids. */
  readonly spanContext: SpanContext;
  /** Whether anything is to be recorded. */
  readonly isRecording: boolean;
  /** The span itself; the same each time. */
  realSpan(): Span;
}

/**
 * A span as its children see it: its ids. The span itself is made when something is put on it.
 *
 * Nearly every attempt's span is only ever a parent, and the object of the SDK costs more than a tiny task.
 */
export class LazySpan<Source extends SpanSource = SpanSource> implements Span {
  readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  spanContext(): SpanContext {
    return this.source.spanContext;
  }

  setAttribute(key: string, value: AttributeValue): this {
    this.#real()?.setAttribute(key, value);
    return this;
  }

  setAttributes(attributes: Attributes): this {
    this.#real()?.setAttributes(attributes);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    this.#real()?.addEvent(name, attributesOrTime, time);
    return this;
  }

  addLink(link: Link): this {
    this.#real()?.addLink(link);
    return this;
  }

  addLinks(links: Link[]): this {
    this.#real()?.addLinks(links);
    return this;
  }

  setStatus(status: SpanStatus): this {
    this.#real()?.setStatus(status);
    return this;
  }

  updateName(name: string): this {
    this.#real()?.updateName(name);
    return this;
  }

  end(time?: TimeInput): void {
    this.#real()?.end(time);
  }

  isRecording(): boolean {
    return this.#real()?.isRecording() ?? false;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    this.#real()?.recordException(exception, time);
  }

  #real(): Span | undefined {
    return this.source.isRecording ? this.source.realSpan() : undefined;
  }
}

/** A trace state that is known to be well formed: read only when somebody asks what is in it. */
export class LazyTraceState implements TraceState {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  serialize(): string {
    return this.#text;
  }

  get(key: string): string | undefined {
    return createTraceState(this.#text).get(key);
  }

  set(key: string, value: string): TraceState {
    return createTraceState(this.#text).set(key, value);
  }

  unset(key: string): TraceState {
    return createTraceState(this.#text).unset(key);
  }
}
