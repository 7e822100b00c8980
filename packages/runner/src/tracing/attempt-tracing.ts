import {
  type Baggage,
  type Context,
  propagation,
  type Span,
  SpanKind,
  type TraceState,
  trace,
} from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { attributeNames, type LeasedTask, parseTraceparent, withOrigin } from "@spanloom/protocol";
import { contextOfCarrier } from "@spanloom/sdk";
import { AttemptBuffer, type TelemetryBudget, type TelemetryReceiver } from "./attempt-buffer.ts";
import { ATTEMPT_KEY, AttemptContext, type ContextSource } from "./attempt-context.ts";
import { writeAttribute } from "./encode-attributes.ts";
import { type LogToWrite, writeLog } from "./encode-log.ts";
import { writeSpan } from "./encode-span.ts";
import { startMintedSpan } from "./minted-span.ts";
import type { Origins } from "./origins.ts";
import { ProtoWriter } from "./proto-writer.ts";
import { addRecord, type Origin, type RecordKind, type TelemetryEntries } from "./record-block.ts";
import { borrowWriter, giveBack, writeBounded } from "./write-bounded.ts";

/** What the attempts of one runner share. */
export interface TracingHost {
  /** The runner. */
  readonly runnerId: string;
  /** Bytes of telemetry it may hold. */
  readonly budget: TelemetryBudget;
  /** Who sends its telemetry. */
  readonly receiver: TelemetryReceiver;
  /** Its resource and scopes, encoded. */
  readonly origins: Origins;
}

const attemptBySpan = new WeakMap<Span, AttemptTracing>();

/**
 * The tracing of one attempt. Everything in it is made when first asked for.
 *
 * I1. The attempt's span has the ids the server minted, so what code does with it belongs to the span the server shows.
 * I2. Its tracestate names the attempt, so spans of other processes find their way too.
 */
export class AttemptTracing implements ContextSource {
  readonly host: TracingHost;
  readonly task: LeasedTask;
  /** When the code began. */
  startedAtUs = 0;
  #parentContext: Context | undefined;
  #span: Span | undefined;
  #buffer: AttemptBuffer | undefined;
  #sealed = false;
  /** Spans that have begun, were not shown yet, and have not ended; made when there is one. */
  #open: Set<ReadableSpan> | undefined;
  #suffixes: { plain: Uint8Array; withState: Uint8Array } | undefined;
  #logSuffix: Uint8Array | undefined;

  constructor(host: TracingHost, task: LeasedTask) {
    this.host = host;
    this.task = task;
  }

  /** The context the code runs in. */
  context(): Context {
    return new AttemptContext(this);
  }

  /** The attempt's span (I1). */
  span(): Span {
    if (!this.#span) {
      const { identifier, spanId } = this.task;
      const startTime = this.startedAtUs / 1000;
      const options = { spanId, kind: SpanKind.CONSUMER, startTime, parent: this.#parent() };
      this.#span = startMintedSpan(identifier?.name ?? "", options);
      attemptBySpan.set(this.#span, this);
    }
    return this.#span;
  }

  /** Baggage of the job's submitter. */
  baggage(): Baggage | undefined {
    return this.task.trace?.baggage ? propagation.getBaggage(this.#parent()) : undefined;
  }

  /** Ids and flags of the attempt's span, without making it. */
  spanIds(): { traceId: string; spanId: string; traceFlags: number } {
    const parent = parseTraceparent(this.task.trace?.traceparent ?? "");
    return { traceId: parent?.traceId ?? "", spanId: this.task.spanId, traceFlags: parent?.sampled ? 1 : 0 };
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
    this.#open = undefined;
    return this.#buffer?.seal();
  }

  /** The buffer, if anything was ever put into it. */
  get bufferIfUsed(): AttemptBuffer | undefined {
    return this.#buffer;
  }

  /** Takes note of a span that has begun. */
  spanStarted(span: ReadableSpan): void {
    if (this.#sealed) return;
    this.#open ??= new Set();
    // Code that forgets to end its spans must not be kept from forgetting them.
    if (this.#open.size < MAX_OPEN_SPANS) this.#open.add(span);
  }

  /** Spans that began before `beforeUs` and are open, each given once; undefined when there are none. */
  takeOpenSpans(beforeUs: number): TelemetryEntries | undefined {
    const entries: TelemetryEntries = { spans: [], logs: [], bytes: 0 };
    for (const span of this.#open ?? []) {
      if (span.startTime[0] * 1e6 + span.startTime[1] / 1e3 >= beforeUs) continue;
      this.#open!.delete(span);
      this.#encode(span, (kind, writer) => {
        if (!this.host.budget.take(writer.length)) return;
        entries.bytes += writer.length;
        addRecord(entries.spans, kind, writer);
      });
    }
    return entries.bytes > 0 ? entries : undefined;
  }

  /** Collects a span that has ended. Never throws; what cannot be kept is counted. */
  addSpan(span: ReadableSpan): void {
    this.#open?.delete(span);
    const encoded = this.#encode(span, (kind, writer) => this.buffer.addSpan(kind, writer));
    if (!encoded) this.buffer.countDropped();
  }

  /** Collects a log record of a scope. Never throws; what cannot be kept is counted. */
  addLog(log: LogToWrite, scope: InstrumentationScope = LOG_SCOPE): void {
    this.#logSuffix ??= this.#encodeLogAttributes();
    const writer = borrowWriter();
    if (!writeBounded(writer, writeLog, log)) this.buffer.countDropped();
    else this.buffer.addLog({ origin: this.host.origins.own(scope), suffix: this.#logSuffix }, writer);
    giveBack(writer);
  }

  /** A span alone, as it is; undefined when it cannot be encoded. */
  entriesOf(span: ReadableSpan): TelemetryEntries | undefined {
    const writer = borrowWriter();
    const entries: TelemetryEntries = { spans: [], logs: [], bytes: 0 };
    if (writeBounded(writer, writeSpan, { span })) {
      entries.bytes = writer.length;
      addRecord(entries.spans, { origin: this.#originOf(span), suffix: NOTHING }, writer);
    }
    giveBack(writer);
    return entries.bytes > 0 ? entries : undefined;
  }

  /** Encodes a span without what all spans of the attempt share; gives whether it could be. */
  #encode(span: ReadableSpan, take: (kind: RecordKind, writer: ProtoWriter) => void): boolean {
    const traceState = this.#traceState();
    const kind = this.#kindOf(span, traceState);
    const writer = borrowWriter();
    const encoded = writeBounded(writer, writeSpan, { span, traceState, without: sharedNames });
    if (encoded) take(kind, writer);
    giveBack(writer);
    return encoded;
  }

  #originOf(span: ReadableSpan): Origin {
    return this.host.origins.of(span.resource, span.instrumentationScope);
  }

  /** What the attempt's spans share; those that came by a trace state of their own have that already. */
  #kindOf(span: ReadableSpan, traceState: TraceState | undefined): RecordKind {
    const suffixes = this.#spanSuffixes(traceState);
    const suffix = span.spanContext().traceState === traceState ? suffixes.withState : suffixes.plain;
    return { origin: this.#originOf(span), suffix };
  }

  #spanSuffixes(traceState: TraceState | undefined): { plain: Uint8Array; withState: Uint8Array } {
    if (!this.#suffixes) {
      const plain = encode(9, this.attributes());
      const writer = new ProtoWriter(PLENTY);
      if (traceState) writer.string(3, traceState.serialize());
      writer.raw(plain);
      this.#suffixes = { plain, withState: writer.take() };
    }
    return this.#suffixes;
  }

  #traceState(): TraceState | undefined {
    return trace.getSpanContext(this.#parent())?.traceState;
  }

  /** Attributes every user span carries, by name. */
  attributes(): Record<string, string | number> {
    const { task } = this;
    return {
      [attributeNames.jobId]: task.jobId,
      [attributeNames.jobName]: task.jobName,
      [attributeNames.taskId]: task.taskId,
      [attributeNames.taskName]: task.identifier?.name ?? "",
      [attributeNames.taskVersion]: task.identifier?.version ?? "",
      [attributeNames.taskAttempt]: task.attempt,
      [attributeNames.queue]: task.queue,
      [attributeNames.runnerId]: this.host.runnerId,
      [attributeNames.spanType]: "user",
    };
  }

  /** The same as encoded fields of a log record, which has no span type. */
  #encodeLogAttributes(): Uint8Array {
    const { [attributeNames.spanType]: _, ...attributes } = this.attributes();
    return encode(6, attributes);
  }

  /** Ends the attempt's span if anyone asked for it; undefined when nobody did, or when it is not sampled. */
  endSpan(endedAtUs: number): ReadableSpan | undefined {
    return this.#span && this.finishedSpan(endedAtUs);
  }

  /** The attempt's span, ended; undefined when it is not sampled. */
  finishedSpan(endedAtUs: number): ReadableSpan | undefined {
    const span = this.span();
    if (span.isRecording()) span.end(endedAtUs / 1000);
    return "ended" in span ? (span as Span & ReadableSpan) : undefined;
  }

  #parent(): Context {
    if (this.#parentContext) return this.#parentContext;
    const { trace: carrier, jobId, taskId, attempt } = this.task;
    const tracestate = withOrigin(carrier?.tracestate ?? "", { jobId, taskId, attempt });
    const { traceparent = "", baggage = "" } = carrier ?? {};
    this.#parentContext = contextOfCarrier({ traceparent, tracestate, baggage });
    return this.#parentContext;
  }
}

/** The attempt a context belongs to; undefined outside of attempts. */
export function attemptOfContext(context: Context): AttemptTracing | undefined {
  return context.getValue(ATTEMPT_KEY) as AttemptTracing | undefined;
}

/** The attempt whose own span this is. */
export function attemptOfSpan(span: Span): AttemptTracing | undefined {
  return attemptBySpan.get(span);
}

/** Bytes that hold what the records of most attempts share. */
const PLENTY = 1024;

/** Open spans of one attempt that are shown; what is beyond is shown when it ends. */
const MAX_OPEN_SPANS = 1_000;

const NOTHING = new Uint8Array();

/** Scope of what `ctx.log` writes. */
const LOG_SCOPE = { name: "@spanloom/runner" };

/** Attributes that the suffix of every span has; an application's provider has put them on its spans, too. */
const sharedNames: ReadonlySet<string> = new Set([
  attributeNames.jobId,
  attributeNames.jobName,
  attributeNames.taskId,
  attributeNames.taskName,
  attributeNames.taskVersion,
  attributeNames.taskAttempt,
  attributeNames.queue,
  attributeNames.runnerId,
  attributeNames.spanType,
]);

function encode(field: number, attributes: Record<string, string | number>): Uint8Array {
  const writer = new ProtoWriter(PLENTY);
  for (const entry of Object.entries(attributes)) writeAttribute(writer, field, entry);
  return writer.take();
}
