import {
  type Baggage,
  type Context,
  createTraceState,
  propagation,
  type Span,
  type SpanContext,
  SpanKind,
  TraceFlags,
  type TraceState,
} from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { type LeasedTask, msFromDuration, parseTraceparent, usFromTimestamp, withOrigin } from "@spanloom/protocol";
import { contextOfCarrier } from "@spanloom/sdk";
import type { NowUs } from "../clock.ts";
import { AttemptBuffer, type TelemetryBudget, type TelemetryReceiver } from "./attempt-buffer.ts";
import { ATTEMPT_KEY, AttemptContext, type ContextSource } from "./attempt-context.ts";
import { type LogToWrite, writeLog } from "./encode-log.ts";
import { offsetOf, type TimeSource, writeSpan } from "./encode-span.ts";
import { LazySpan, LazyTraceState, type SpanSource } from "./lazy-span.ts";
import { startMintedSpan } from "./minted-span.ts";
import type { OpenSpans } from "./open-spans.ts";
import type { Origins } from "./origins.ts";
import type { ProtoWriter } from "./proto-writer.ts";
import { scopeOf } from "./readable-span.ts";
import {
  addRecord,
  noSuffix,
  type Origin,
  type RecordKind,
  type RecordSuffix,
  type TelemetryEntries,
} from "./record-block.ts";
import { attributesOf, type SharedFields, sharedNames } from "./shared-fields.ts";
import { borrowWriter, giveBack, writeBounded } from "./write-bounded.ts";

/** What the attempts of one runner share. */
export interface TracingHost {
  /** The runner. */
  readonly runnerId: string;
  /** Whether anything is recorded; otherwise trace context is passed on and no more. */
  readonly enabled: boolean;
  /** Bytes of telemetry it may hold. */
  readonly budget: TelemetryBudget;
  /** Who sends its telemetry. */
  readonly receiver: TelemetryReceiver;
  /** Its resource and scopes, encoded. */
  readonly origins: Origins;
  /** What the spans of an attempt share. */
  readonly spanFields: SharedFields;
  /** What the log records of an attempt share. */
  readonly logFields: SharedFields;
  /** Its spans that are open. */
  readonly openSpans: OpenSpans;
  /** Its clock: one for all that is logged, so that times of log records tell in which order they were written. */
  readonly nowUs: NowUs;
  /** Tells log records of one time apart. */
  readonly tieNs: (timeUs: number) => number;
  /** Brings times to the server's clock; undefined when the server does it. */
  readonly clock: TimeSource | undefined;
}

/**
 * The tracing of one attempt. Everything in it is made when first asked for.
 *
 * I1. The attempt's span has the ids the server minted, so what code does with it belongs to the span the server shows.
 * I2. Its tracestate names the attempt, so spans of other processes find their way too.
 * I3. By the server's clock nothing of it is before its lease, as on the server: exporters are given the same times.
 */
export class AttemptTracing implements ContextSource, SpanSource, TimeSource {
  readonly host: TracingHost;
  readonly task: LeasedTask;
  /** When the code began. */
  startedAtUs = 0;
  #parentContext: Context | undefined;
  #spanContext: SpanContext | undefined;
  #handle: Span | undefined;
  #span: Span | undefined;
  #buffer: AttemptBuffer | undefined;
  #sealed = false;
  #leasedAtUs: number | undefined;
  #spanSuffix: RecordSuffix | undefined;
  #statelessSuffix: RecordSuffix | undefined;
  #logSuffix: RecordSuffix | undefined;

  constructor(host: TracingHost, task: LeasedTask) {
    this.host = host;
    this.task = task;
  }

  /** The context the code runs in. */
  context(): Context {
    return new AttemptContext(this);
  }

  /** The attempt's span (I1), as its children see it. */
  span(): Span {
    this.#handle ??= new LazySpan(this);
    return this.#handle;
  }

  /** The attempt's span itself. */
  realSpan(): Span {
    if (!this.#span) {
      const { identifier, spanId } = this.task;
      const startTime = this.startedAtUs / 1000;
      const options = { spanId, kind: SpanKind.CONSUMER, startTime, parent: this.parentContext() };
      this.#span = startMintedSpan(identifier?.name ?? "", options);
    }
    return this.#span;
  }

  /** Ids, flags and trace state of the attempt's span (I1, I2). */
  get spanContext(): SpanContext {
    if (!this.#spanContext) {
      const parent = parseTraceparent(this.task.trace?.traceparent ?? "");
      this.#spanContext = {
        traceId: parent?.traceId ?? "",
        spanId: this.task.spanId,
        traceFlags: parent?.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
        traceState: this.#traceState(),
      };
    }
    return this.#spanContext;
  }

  /** Whether what code puts on the attempt's span is recorded: not of a job that is not sampled. */
  get isRecording(): boolean {
    return this.host.enabled && (this.spanContext.traceFlags & TraceFlags.SAMPLED) !== 0;
  }

  /** Baggage of the job's submitter. */
  baggage(): Baggage | undefined {
    return this.task.trace?.baggage ? propagation.getBaggage(this.parentContext()) : undefined;
  }

  /** What is to be added to a time of the runner's clock (I3). */
  offsetAt(us: number): number {
    this.#leasedAtUs ??= leasedAtUsOf(this.task);
    return Math.max(this.host.clock?.offsetAt(us) ?? 0, Math.ceil(this.#leasedAtUs - us));
  }

  /** What brings times to the server's clock; undefined when the server does it. */
  get #clock(): TimeSource | undefined {
    return this.host.clock && this;
  }

  /** Where spans and logs are collected. */
  get buffer(): AttemptBuffer {
    if (!this.#buffer) {
      this.#buffer = new AttemptBuffer(this.host.budget, this.host.receiver);
      if (this.#sealed) this.#buffer.seal();
    }
    return this.#buffer;
  }

  /** Takes what was collected; what comes later is late, and handed on at once. */
  seal(): TelemetryEntries | undefined {
    this.#sealed = true;
    return this.#buffer?.seal();
  }

  /** The buffer, if anything was ever put into it. */
  get bufferIfUsed(): AttemptBuffer | undefined {
    return this.#buffer;
  }

  /** Takes note of a span that has begun. */
  spanStarted(span: ReadableSpan): void {
    this.host.openSpans.add(span, this);
  }

  /** Adds a span as it is now to entries, if the budget allows; gives what it added to its start. */
  addTo(entries: TelemetryEntries, span: ReadableSpan): number {
    const startOffsetUs = offsetOf(span.startTime, this.#clock);
    this.#encode({ span, startOffsetUs }, (kind, writer) => {
      if (!this.host.budget.take(writer.length)) return;
      entries.bytes += writer.length;
      addRecord(entries.spans, kind, writer);
    });
    return startOffsetUs;
  }

  /** Collects a span that has ended. Never throws; what cannot be kept is counted. */
  addSpan(span: ReadableSpan): void {
    const startOffsetUs = this.host.openSpans.delete(span);
    const encoded = this.#encode({ span, startOffsetUs }, (kind, writer) => this.buffer.addSpan(kind, writer));
    if (!encoded) this.buffer.countDropped();
  }

  /** Collects a log record of a scope, as of now. Never throws; what cannot be kept is counted. */
  addLog(log: Omit<LogToWrite, "timeUs" | "tieNs">, scope: InstrumentationScope = LOG_SCOPE): void {
    const { enabled, logFields, nowUs, tieNs } = this.host;
    if (!enabled) return;
    const readUs = nowUs();
    const timeUs = readUs + (this.#clock?.offsetAt(readUs) ?? 0);
    this.#logSuffix ??= logFields.of(this.task);
    const placed: LogToWrite = { ...log, timeUs, tieNs: tieNs(timeUs) };
    const writer = borrowWriter();
    if (!writeBounded(writer, writeLog, placed)) this.buffer.countDropped();
    else this.buffer.addLog({ origin: this.host.origins.own(scope), suffix: this.#logSuffix }, writer);
    giveBack(writer);
  }

  /** A span alone, as it is; undefined when it cannot be encoded. */
  entriesOf(span: ReadableSpan): TelemetryEntries | undefined {
    const writer = borrowWriter();
    const entries: TelemetryEntries = { spans: [], logs: [], bytes: 0 };
    if (writeBounded(writer, writeSpan, { span, clock: this.#clock })) {
      entries.bytes = writer.length;
      addRecord(entries.spans, { origin: this.#originOf(span), suffix: noSuffix }, writer);
    }
    giveBack(writer);
    return entries.bytes > 0 ? entries : undefined;
  }

  /** Encodes a span without what all spans of the attempt share; gives whether it could be. */
  #encode(
    { span, startOffsetUs }: { span: ReadableSpan; startOffsetUs: number | undefined },
    take: (kind: RecordKind, writer: ProtoWriter) => void,
  ): boolean {
    const { traceState } = this.spanContext;
    const clock = this.#clock;
    const writer = borrowWriter();
    try {
      const kind = this.#kindOf(span);
      const encoded = writeBounded(writer, writeSpan, { span, traceState, without: sharedNames, clock, startOffsetUs });
      if (encoded) take(kind, writer);
      return encoded;
    } catch {
      // A span of an SDK that builds them otherwise: the code that ended it must not fail for being watched.
      return false;
    } finally {
      giveBack(writer);
    }
  }

  #originOf(span: ReadableSpan): Origin {
    return this.host.origins.of(span.resource, scopeOf(span));
  }

  /** What the attempt's spans share; those that came by a trace state of their own have that already. */
  #kindOf(span: ReadableSpan): RecordKind {
    const { traceState } = this.spanContext;
    const { spanFields } = this.host;
    const origin = this.#originOf(span);
    if (span.spanContext().traceState === traceState) {
      this.#spanSuffix ??= spanFields.of(this.task, traceState?.serialize());
      return { origin, suffix: this.#spanSuffix };
    }
    this.#statelessSuffix ??= spanFields.of(this.task);
    return { origin, suffix: this.#statelessSuffix };
  }

  #traceState(): TraceState {
    const { trace: carrier, jobId, taskId, attempt } = this.task;
    const tracestate = withOrigin(carrier?.tracestate ?? "", { jobId, taskId, attempt });
    // Members of others are whatever the submitter sent.
    return tracestate.includes(",") ? createTraceState(tracestate) : new LazyTraceState(tracestate);
  }

  /** Attributes every user span carries, by name. */
  attributes(): Record<string, string | number> {
    return attributesOf(this.task, this.host.runnerId);
  }

  /** Ends the attempt's span if anyone asked for it; undefined when nobody did, or when it is not sampled. */
  endSpan(endedAtUs: number): ReadableSpan | undefined {
    return this.#span && this.finishedSpan(endedAtUs);
  }

  /** The attempt's span, ended; undefined when it is not sampled. */
  finishedSpan(endedAtUs: number): ReadableSpan | undefined {
    const span = this.realSpan();
    if (span.isRecording()) span.end(endedAtUs / 1000);
    return "ended" in span ? (span as Span & ReadableSpan) : undefined;
  }

  /** The context of the attempt's parent: its task. */
  parentContext(): Context {
    if (this.#parentContext) return this.#parentContext;
    const { traceparent = "", baggage = "" } = this.task.trace ?? {};
    const tracestate = this.spanContext.traceState!.serialize();
    this.#parentContext = contextOfCarrier({ traceparent, tracestate, baggage });
    return this.#parentContext;
  }
}

/** When an attempt was leased, by the server's clock; long ago when that is not told. */
function leasedAtUsOf({ leaseExpiresAt, leaseDuration }: LeasedTask): number {
  if (!leaseExpiresAt || !leaseDuration) return Number.NEGATIVE_INFINITY;
  return usFromTimestamp(leaseExpiresAt) - msFromDuration(leaseDuration) * 1000;
}

/** The attempt a context belongs to; undefined outside of attempts. */
export function attemptOfContext(context: Context): AttemptTracing | undefined {
  return context.getValue(ATTEMPT_KEY) as AttemptTracing | undefined;
}

/** The attempt whose own span this is. */
export function attemptOfSpan(span: Span): AttemptTracing | undefined {
  return span instanceof LazySpan && span.source instanceof AttemptTracing ? span.source : undefined;
}

/** Scope of what `ctx.log` writes. */
const LOG_SCOPE = { name: "@spanloom/runner" };
