import type { HrTime, Link, TraceState } from "@opentelemetry/api";
import type { ReadableSpan, TimedEvent } from "@opentelemetry/sdk-trace-base";
import { writeAttributes } from "./encode-attributes.ts";
import type { ProtoWriter } from "./proto-writer.ts";
import { parentOf } from "./readable-span.ts";

/** The parent's remoteness is known, and it is remote: OTLP SpanFlags. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/**
 * Writes the fields of an OTLP Span; one that has not ended has no end.
 *
 * Source: proto/opentelemetry/proto/trace/v1/trace.proto Span.
 */
export function writeSpan(writer: ProtoWriter, { span, traceState, without, clock, startOffsetUs }: SpanToWrite): void {
  const context = span.spanContext();
  writer.hex(1, context.traceId);
  writer.hex(2, context.spanId);
  if (context.traceState && context.traceState !== traceState) writer.string(3, context.traceState.serialize());
  const parent = parentOf(span);
  if (parent) writer.hex(4, parent.spanId);
  writer.string(5, String(span.name));
  writer.uint(6, span.kind + 1);
  writeTime(writer, 7, span.startTime, startOffsetUs ?? offsetOf(span.startTime, clock));
  if (span.ended) writeTime(writer, 8, span.endTime, offsetOf(span.endTime, clock));
  writeAttributes(writer, 9, span.attributes, without);
  writer.uint(10, span.droppedAttributesCount);
  for (const event of span.events) writeEvent(writer, event, clock);
  writer.uint(12, span.droppedEventsCount);
  for (const link of span.links) writeLink(writer, link);
  writer.uint(14, span.droppedLinksCount);
  writeStatus(writer, span);
  writer.fixed32(16, context.traceFlags | HAS_IS_REMOTE | (parent?.isRemote ? IS_REMOTE : 0));
}

/** A span, and what is not to be written of it. */
export interface SpanToWrite {
  /** The span. */
  span: ReadableSpan;
  /** The trace state that is left out. */
  traceState?: TraceState | undefined;
  /** Names of attributes that are left out. */
  without?: ReadonlySet<string> | undefined;
  /** What brings its times to the server's clock; absent when they stay as they are. */
  clock?: TimeSource | undefined;
  /** What is added to its start, when that was told before. */
  startOffsetUs?: number | undefined;
}

/** Tells what is to be added to a time; microseconds. */
export interface TimeSource {
  offsetAt(us: number): number;
}

/** What is to be added to a time; microseconds. */
export function offsetOf([seconds, nanos]: HrTime, clock: TimeSource | undefined): number {
  return clock ? clock.offsetAt(seconds * 1e6 + nanos / 1e3) : 0;
}

function writeEvent(writer: ProtoWriter, event: TimedEvent, clock: TimeSource | undefined): void {
  const mark = writer.begin(11);
  writeTime(writer, 1, event.time, offsetOf(event.time, clock));
  writer.string(2, String(event.name));
  if (event.attributes) writeAttributes(writer, 3, event.attributes);
  writer.uint(4, event.droppedAttributesCount ?? 0);
  writer.end(mark);
}

function writeLink(writer: ProtoWriter, link: Link): void {
  const mark = writer.begin(13);
  writer.hex(1, link.context.traceId);
  writer.hex(2, link.context.spanId);
  if (link.context.traceState) writer.string(3, link.context.traceState.serialize());
  if (link.attributes) writeAttributes(writer, 4, link.attributes);
  writer.uint(5, link.droppedAttributesCount ?? 0);
  writer.fixed32(6, link.context.traceFlags | HAS_IS_REMOTE | (link.context.isRemote ? IS_REMOTE : 0));
  writer.end(mark);
}

function writeStatus(writer: ProtoWriter, { status }: ReadableSpan): void {
  if (status.code === 0 && !status.message) return;
  const mark = writer.begin(15);
  writer.string(2, String(status.message ?? ""));
  writer.uint(3, status.code);
  writer.end(mark);
}

function writeTime(writer: ProtoWriter, field: number, [seconds, nanos]: HrTime, offsetUs: number): void {
  // SDK arithmetic may leave fractions of a nanosecond.
  const ns = Math.round(nanos) + (offsetUs % 1e6) * 1e3;
  const carry = Math.floor(ns / 1e9);
  writer.fixed64Time(field, seconds + Math.trunc(offsetUs / 1e6) + carry, ns - carry * 1e9);
}
