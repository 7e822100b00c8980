import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, defaultTextMapGetter, ROOT_CONTEXT, SpanKind, type Tracer, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { Clock } from "../clock.ts";
import type { OtlpPayload } from "../telemetry/telemetry.ts";
import { OtelWorkSpan } from "./otel-work-span.ts";
import { holdsSelfTracing } from "./own-telemetry.ts";
import type { CallHeaders, SelfTracer, WorkAttributes, WorkSpan } from "./self-tracer.ts";

/** Self-tracing by an OpenTelemetry tracer. What goes on is kept beside OpenTelemetry's own context, which is the process's. */
export class OtelSelfTracer implements SelfTracer {
  readonly #tracer: Tracer;
  readonly #clock: Pick<Clock, "nowUs">;
  readonly #goingOn = new AsyncLocalStorage<OtelWorkSpan>();
  readonly #propagator = new W3CTraceContextPropagator();

  constructor(tracer: Tracer, clock: Pick<Clock, "nowUs">) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  call(name: string, headers: CallHeaders, attributes: WorkAttributes): WorkSpan {
    const caller = this.#propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
    return this.#start(name, { parent: caller, kind: SpanKind.SERVER, attributes });
  }

  part(name: string, attributes: WorkAttributes = {}): WorkSpan {
    return this.#within(name, this.#goingOn.getStore(), attributes);
  }

  own(name: string, attributes: WorkAttributes = {}): WorkSpan {
    return this.#start(name, { parent: ROOT_CONTEXT, attributes });
  }

  shared(name: string, callers: Iterable<WorkSpan | undefined>): WorkSpan {
    const distinct = [...new Set(callers)].filter((caller) => caller instanceof OtelWorkSpan);
    const first = distinct.find((caller) => caller.isRecorded) ?? distinct[0];
    const span = this.#within(name, first, {});
    span.join(distinct);
    return span;
  }

  current(): WorkSpan | undefined {
    return this.#goingOn.getStore();
  }

  run<T>(span: WorkSpan, work: () => T): T {
    return this.#goingOn.run(span as OtelWorkSpan, work);
  }

  isOwn(payloads: readonly OtlpPayload[]): boolean {
    return holdsSelfTracing(payloads);
  }

  #within(name: string, parent: OtelWorkSpan | undefined, attributes: WorkAttributes): OtelWorkSpan {
    if (parent && !parent.isRecorded) return parent.silence();
    const context = parent ? trace.setSpanContext(ROOT_CONTEXT, parent.spanContext) : ROOT_CONTEXT;
    return this.#start(name, { parent: context, attributes }, parent);
  }

  #start(
    name: string,
    how: { parent: Context; kind?: SpanKind; attributes: WorkAttributes },
    parent?: OtelWorkSpan,
  ): OtelWorkSpan {
    const { kind = SpanKind.INTERNAL, attributes } = how;
    const span = this.#tracer.startSpan(name, { kind, attributes, startTime: this.#time() }, how.parent);
    return new OtelWorkSpan(span, () => this.#time(), parent);
  }

  /** As OpenTelemetry takes it without doubt: seconds and nanoseconds. */
  #time(): [number, number] {
    const us = Math.round(this.#clock.nowUs());
    return [Math.floor(us / 1e6), (us % 1e6) * 1000];
  }
}
