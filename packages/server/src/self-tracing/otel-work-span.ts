import { type Span, type SpanContext, SpanStatusCode } from "@opentelemetry/api";
import { SpanloomError } from "@spanloom/protocol";
import type { WorkAttributes, WorkSpan } from "./self-tracer.ts";

/** A piece of work as an OpenTelemetry span, recorded or not. */
export class OtelWorkSpan implements WorkSpan {
  readonly #span: Span;
  readonly #now: () => [number, number];
  readonly #parent: OtelWorkSpan | undefined;
  /** Whom it is linked to, or need not be. */
  #joined: Set<WorkSpan | undefined> | undefined;
  #over = false;
  #discarded = false;

  constructor(span: Span, now: () => [number, number], parent: OtelWorkSpan | undefined) {
    this.#span = span;
    this.#now = now;
    this.#parent = parent;
  }

  /** Where it is in its trace. */
  get spanContext(): SpanContext {
    return this.#span.spanContext();
  }

  /** Whether it is, or was, to be exported. */
  get isRecorded(): boolean {
    const { traceFlags } = this.#span.spanContext();
    return (traceFlags & 1) === 1 && !this.isDiscarded;
  }

  /** Whether it, or what it is a part of, was forgotten. */
  get isDiscarded(): boolean {
    return this.#discarded || this.#parent?.isDiscarded === true;
  }

  /** Stands for work within it while it is not recorded: that is not recorded either. */
  silence(): OtelWorkSpan {
    const within = new OtelWorkSpan(this.#span, this.#now, this);
    within.discard();
    return within;
  }

  note(error: unknown): void {
    if (!this.#isOpen()) return;
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    this.#span.addEvent(
      "exception",
      { "exception.type": name, "exception.message": message, ...(stack && { "exception.stacktrace": stack }) },
      this.#now(),
    );
    this.#span.setAttribute("error.type", error instanceof SpanloomError ? error.reason : name);
  }

  fail(error: unknown): void {
    this.note(error);
    if (!this.#isOpen()) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
  }

  join(callers: Iterable<WorkSpan | undefined>): void {
    if (!this.#isOpen()) return;
    this.#joined ??= new Set<WorkSpan | undefined>([undefined, this, this.#parent]);
    for (const caller of callers) {
      if (this.#joined.has(caller) || !(caller instanceof OtelWorkSpan) || caller.#parent === this) continue;
      this.#joined.add(caller);
      if (caller.isRecorded) this.#span.addLink({ context: caller.spanContext });
    }
  }

  end(attributes: WorkAttributes = {}): void {
    if (this.#over) return;
    this.#over = true;
    if (this.isDiscarded) return;
    this.#span.setAttributes(attributes);
    this.#span.end(this.#now());
  }

  discard(): void {
    this.#over = true;
    this.#discarded = true;
  }

  #isOpen(): boolean {
    return !this.#over && this.#span.isRecording();
  }
}
