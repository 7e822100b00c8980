import {
  type Attributes,
  type Context,
  context,
  type Link,
  ProxyTracerProvider,
  propagation,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { attributeNames, originOf, parseTraceparent, SpanloomError } from "@spanloom/protocol";
import { activeCarrier, contextOfCarrier, type TraceCarrier } from "./carrier.ts";
import { isSdkDisabled } from "./sdk-disabled.ts";
import type { JobSnapshot } from "./snapshots.ts";

/**
 * Spans of what a client asks of the server, in the caller's trace, by the application's tracer provider.
 *
 * I1. Without a provider, or told not to, by OTEL_SDK_DISABLED or otherwise, nothing is made: the caller's own trace
 *     context is passed on as it is.
 * I2. No span is made where nobody would see it, so that no job gets a parent that is missing: tracesAttemptsOnly.
 * I3. A span within an attempt belongs to that attempt's job; it names the job it asks for as a message only.
 *
 * Source: OpenTelemetry semantic conventions, messaging spans.
 */
export class ClientSpans {
  readonly #enabled: boolean;
  readonly #server: Attributes;

  constructor(url: string, enabled = true) {
    this.#enabled = enabled && !isSdkDisabled();
    this.#server = serverAttributes(url);
  }

  /** Runs a call to the server within a span; `run` is given undefined where there is none to make. */
  async trace<Result>(call: ClientCall, run: (span: ClientSpan | undefined) => Promise<Result>): Promise<Result> {
    const tracer = this.#enabled ? applicationTracer() : undefined;
    if (!tracer) return run(undefined);
    const base = contextOf(call.trace);
    const span = tracer.startSpan(
      spanName(call.operation, call.destination),
      {
        kind: SpanKind.PRODUCER,
        attributes: { ...this.#server, ...attributesOf(call), ...(!isWithinAttempt(base) && call.own) },
        links: (call.links ?? []).flatMap(linkOf),
      },
      base,
    );
    const within = trace.setSpan(base, span);
    // A provider that was told to suppress gives a span without ids; the caller's context is then the best there is.
    const known = new ClientSpan(span, call, activeCarrier(within) ?? activeCarrier(base));
    try {
      return await context.with(within, run, undefined, known);
    } catch (error) {
      recordFailure(span, error);
      throw error;
    } finally {
      span.end();
    }
  }
}

/** What a client asks for. */
export interface ClientCall {
  /** Name of the operation. */
  operation: "submit" | "cancel" | "retry" | "clone" | "publish" | "fire";
  /** What it is sent to, as far as it is known: the default queue of a job, the key of an event, a schedule. */
  destination?: string | undefined;
  /** The job, where it exists already. */
  jobId?: string | undefined;
  /** The event. */
  eventId?: string | undefined;
  /** Jobs or events sent within the span; undefined when it is for a single one. */
  count?: number | undefined;
  /** Attributes by names of Spanloom's own; within an attempt they would speak of its job, and are left out. */
  own?: Attributes | undefined;
  /** Trace contexts that were made for what is sent before. */
  links?: readonly TraceCarrier[] | undefined;
  /** A trace context to be in instead of the active one; false when the job is to have none. */
  trace?: TraceCarrier | false | undefined;
}

/** The span of a call under way. */
export class ClientSpan {
  readonly #span: Span;
  readonly #call: ClientCall;
  /** Trace context for the job; false for none. */
  readonly carrier: TraceCarrier | false;

  constructor(span: Span, call: ClientCall, carrier: TraceCarrier | undefined) {
    this.#span = span;
    this.#call = call;
    const isSentAsItIs = call.trace === false || (call.trace && !parseTraceparent(call.trace.traceparent));
    // What cannot be read is the server's to refuse.
    this.carrier = (isSentAsItIs ? call.trace : carrier) ?? false;
  }

  /** Notes the job that the server answered with. */
  found(job: Pick<JobSnapshot, "id" | "name" | "queue">): void {
    if (!this.#span.isRecording()) return;
    const { operation, destination } = this.#call;
    this.#span.setAttributes({
      ...messageAttributes(job.id),
      "messaging.destination.name": job.queue,
      ...(!hasOrigin(this.#span.spanContext()) && {
        [attributeNames.jobId]: job.id,
        [attributeNames.jobName]: job.name,
        [attributeNames.queue]: job.queue,
      }),
    });
    if (!destination) this.#span.updateName(spanName(operation, job.queue));
  }

  /** Notes the id of the job that the server answered with, where that is all it told. */
  started(jobId: string): void {
    this.#span.setAttributes(messageAttributes(jobId));
  }
}

/**
 * Marks a tracer provider that records spans of attempts only, as a runner registers where the application has none: it
 * is not the application's, and outside of attempts its spans would be parents that nobody ever sees.
 */
export const tracesAttemptsOnly: unique symbol = Symbol.for("spanloom.tracesAttemptsOnly");

/** Scope of the spans. */
const SCOPE = "@spanloom/sdk";

function applicationTracer(): Tracer | undefined {
  const registered = trace.getTracerProvider();
  const isProxy = registered instanceof ProxyTracerProvider;
  if (tracesAttemptsOnly in (isProxy ? registered.getDelegate() : registered)) return undefined;
  return isProxy ? registered.getDelegateTracer(SCOPE) : registered.getTracer(SCOPE);
}

function contextOf(given: TraceCarrier | false | undefined): Context {
  const active = context.active();
  if (!given || !parseTraceparent(given.traceparent)) return active;
  return contextOfCarrier(given, propagation.deleteBaggage(active));
}

function isWithinAttempt(base: Context): boolean {
  const parent = trace.getSpanContext(base);
  return parent !== undefined && hasOrigin(parent);
}

function hasOrigin({ traceState }: SpanContext): boolean {
  const tracestate = traceState?.serialize();
  return tracestate !== undefined && originOf(tracestate) !== undefined;
}

function linkOf(carrier: TraceCarrier): Link[] {
  const linked = trace.getSpanContext(contextOfCarrier(carrier));
  return linked ? [{ context: linked }] : [];
}

function spanName(operation: string, destination: string | undefined): string {
  return destination ? `${operation} ${destination}` : operation;
}

function attributesOf({ operation, destination, jobId, eventId, count }: ClientCall): Attributes {
  return {
    "messaging.system": "spanloom",
    "messaging.operation.name": operation,
    ...(operation !== "cancel" && { "messaging.operation.type": "send" }),
    ...(destination && { "messaging.destination.name": destination }),
    ...(count !== undefined && { "messaging.batch.message_count": count }),
    ...(jobId && messageAttributes(jobId)),
    ...(eventId && { "messaging.message.id": eventId }),
  };
}

/** The job is what is sent, and what its tasks, messages of their own, belong to. */
function messageAttributes(jobId: string): Attributes {
  return { "messaging.message.id": jobId, "messaging.message.conversation_id": jobId };
}

function serverAttributes(url: string): Attributes {
  const { hostname, port, protocol } = new URL(url);
  return {
    "server.address": hostname.replace(/^\[|\]$/g, ""),
    "server.port": Number(port || (protocol === "https:" ? 443 : 80)),
  };
}

function recordFailure(span: Span, error: unknown): void {
  const failure = error instanceof Error ? error : new Error(String(error));
  const type = error instanceof SpanloomError ? error.reason : failure.name;
  span.recordException(failure);
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
}
