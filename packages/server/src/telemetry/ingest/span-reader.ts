import { appendOpen, type RowBuilder, type SpanColumns } from "../columns/span-columns.ts";
import { readAttribute } from "./attribute-reader.ts";
import { AttributeRuns } from "./attribute-runs.ts";
import type { Envelope, ReadOutcome } from "./envelope-reader.ts";
import { readEvent } from "./event-reader.ts";
import { readLink } from "./link-reader.ts";
import type { WireReader } from "./wire-reader.ts";

const kinds = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"] as const;
const statuses = ["UNSET", "OK", "ERROR"] as const;
const decoder = new TextDecoder();

/** A place in the payload. */
interface Range {
  start: number;
  end: number;
}

/** A number of 64 bits in halves. */
interface Long {
  low: number;
  high: number;
}

/**
 * The highest bit of a version, in its high half: a user span that has ended is newer than any version of it that was
 * sent while it was open, whichever arrives last and by whichever server; these number payloads each by itself.
 */
const FINAL = 0x80000000;

/** Reads OTLP spans into columns; one reader serves any number of payloads. */
export class SpanReader {
  readonly #rows: RowBuilder<SpanColumns>;
  readonly #envelope: Envelope;
  readonly #runs = new AttributeRuns();
  // Scalars of the span being read; the repeated fields go straight to their columns.
  readonly #traceId: Range = { start: 0, end: 0 };
  readonly #spanId: Range = { start: 0, end: 0 };
  readonly #parentId: Range = { start: 0, end: 0 };
  readonly #traceState: Range = { start: 0, end: 0 };
  readonly #name: Range = { start: 0, end: 0 };
  readonly #message: Range = { start: 0, end: 0 };
  readonly #startTime: Long = { low: 0, high: 0 };
  readonly #endTime: Long = { low: 0, high: 0 };
  #flags = 0;
  #kind = 0;
  #status = 0;
  #dropped = { attributes: 0, events: 0, links: 0 };

  constructor(rows: RowBuilder<SpanColumns>, envelope: Envelope) {
    this.#rows = rows;
    this.#envelope = envelope;
  }

  /** Reads a Span that ends at `end` into a row, or refuses it in `outcome`. Rows get versions from `version` up. */
  read(r: WireReader, end: number, outcome: ReadOutcome, version: Long): void {
    this.#reset();
    this.#envelope.origin.startRecord(this.#rows.columns.attributes);
    const rows = this.#rows.rows;
    r.end = end;
    while (r.pos < end) {
      const tag = r.tag();
      if (tag === 0x4a) this.#readAttribute(r);
      else this.#readField(r, tag);
    }
    const refusal = this.#refusal(r);
    if (refusal === undefined) {
      this.#runs.learn(r, this.#rows.columns);
      this.#append(r, version);
      outcome.accepted++;
      return;
    }
    forgetNested(this.#rows.columns, rows);
    outcome.message ||= `cannot accept span "${this.#text(r, this.#name)}": ${refusal}`;
    outcome.rejected++;
  }

  #reset(): void {
    clear(this.#traceId);
    clear(this.#spanId);
    clear(this.#parentId);
    clear(this.#traceState);
    clear(this.#name);
    clear(this.#message);
    this.#runs.interrupt();
    this.#startTime.low = this.#startTime.high = this.#endTime.low = this.#endTime.high = 0;
    this.#flags = this.#kind = this.#status = 0;
    this.#dropped.attributes = this.#dropped.events = this.#dropped.links = 0;
  }

  #readAttribute(r: WireReader): void {
    const to = this.#rows.columns;
    const { origin } = this.#envelope;
    const run = this.#runs.find(r, to);
    if (!run) {
      readAttribute(r, messageEnd(r), to, origin.onAttribute);
      return;
    }
    r.item(run.items);
    origin.onRun(run.slots);
    to.attributes.appendEntries(run.attributes);
    to.attribute_types.appendEntries(run.attribute_types);
    r.pos = r.end;
  }

  #readField(r: WireReader, tag: number): void {
    this.#runs.interrupt();
    switch (tag) {
      case 0x0a:
        readRange(r, this.#traceId);
        return;
      case 0x12:
        readRange(r, this.#spanId);
        return;
      case 0x1a:
        readRange(r, this.#traceState);
        return;
      case 0x22:
        readRange(r, this.#parentId);
        return;
      case 0x2a:
        readRange(r, this.#name);
        return;
      case 0x39:
        readLong(r, this.#startTime);
        return;
      case 0x41:
        readLong(r, this.#endTime);
        return;
      default:
        this.#readRareField(r, tag);
    }
  }

  #readRareField(r: WireReader, tag: number): void {
    switch (tag) {
      case 0x30:
        this.#kind = r.varint();
        return;
      case 0x50:
        this.#dropped.attributes = r.varint();
        return;
      case 0x5a:
        readEvent(r, messageEnd(r), this.#rows.columns.events.children);
        return;
      case 0x60:
        this.#dropped.events = r.varint();
        return;
      case 0x6a:
        readLink(r, messageEnd(r), this.#rows.columns.links.children);
        return;
      case 0x70:
        this.#dropped.links = r.varint();
        return;
      case 0x7a:
        this.#readStatus(r, messageEnd(r));
        return;
      case 0x85:
        this.#flags = r.fixed32();
        return;
      default:
        r.skip(tag);
    }
  }

  #readStatus(r: WireReader, end: number): void {
    const outer = r.end;
    r.end = end;
    while (r.pos < end) {
      const tag = r.tag();
      if (tag === 0x12) readRange(r, this.#message);
      else if (tag === 0x18) this.#status = r.varint();
      else r.skip(tag);
    }
    r.end = outer;
  }

  /** Why the span cannot be stored; undefined when it can. */
  #refusal(r: WireReader): string | undefined {
    return (
      idRefusal(r, this.#traceId, 16, "trace_id") ??
      idRefusal(r, this.#spanId, 8, "span_id") ??
      (this.#parentId.end > this.#parentId.start && this.#parentId.end - this.#parentId.start !== 8
        ? `parent_span_id has ${this.#parentId.end - this.#parentId.start} bytes, not 8`
        : undefined) ??
      this.#timeRefusal()
    );
  }

  #timeRefusal(): string | undefined {
    const start = this.#startTime;
    const end = this.#endTime;
    if (start.low === 0 && start.high === 0) return "start_time_unix_nano is 0";
    // Above 2^63 - 1 ns lies the year 2262 and no signed 64-bit time.
    if (start.high > 0x7fffffff || end.high > 0x7fffffff) return "a time is beyond the year 2262";
    const expired = this.#envelope.retention.refusal("start_time_unix_nano", start.low, start.high);
    if (expired !== undefined || (end.low === 0 && end.high === 0)) return expired;
    const early = end.high < start.high || (end.high === start.high && end.low < start.low);
    return early ? `end_time_unix_nano ${long(end)} is before start_time_unix_nano ${long(start)}` : undefined;
  }

  #append(r: WireReader, version: Long): void {
    const to = this.#rows.columns;
    const { origin } = this.#envelope;
    to.trace_id.append(r.bytes, this.#traceId.start);
    to.span_id.append(r.bytes, this.#spanId.start);
    if (this.#parentId.end > this.#parentId.start) to.parent_span_id.append(r.bytes, this.#parentId.start);
    else to.parent_span_id.appendNone();
    to.name.append(r.bytes, this.#name.start, this.#name.end);
    to.kind.appendText(kinds[this.#kind] ?? "UNSPECIFIED");
    const isFinal = origin.appendType(to.type) === "user" && (this.#endTime.low | this.#endTime.high) !== 0;
    to.version.append(version.low, isFinal ? version.high | FINAL : version.high);
    to.start_time.append(this.#startTime.low, this.#startTime.high);
    this.#appendDuration(to);
    to.status.appendText(statuses[this.#status] ?? "UNSET");
    to.status_message.append(r.bytes, this.#message.start, this.#message.end);
    origin.append(to, r, this.#traceState);
    origin.appendOutcome(to.outcome);
    to.trace_state.append(r.bytes, this.#traceState.start, this.#traceState.end);
    to.flags.append(this.#flags);
    this.#envelope.appendTo(to);
    to.dropped_attributes.append(this.#dropped.attributes);
    to.dropped_events.append(this.#dropped.events);
    to.dropped_links.append(this.#dropped.links);
    closeNested(to);
  }

  #appendDuration(to: SpanColumns): void {
    const start = this.#startTime;
    const end = this.#endTime;
    if (end.low === 0 && end.high === 0) {
      appendOpen(to.duration_ns);
      return;
    }
    const borrow = end.low < start.low ? 1 : 0;
    to.duration_ns.append(end.low - start.low, end.high - start.high - borrow);
  }

  #text(r: WireReader, range: Range): string {
    return range.end === range.start ? "" : decoder.decode(r.bytes.subarray(range.start, range.end));
  }
}

/** Ends the nested columns of a span's row. */
export function closeNested(to: SpanColumns): void {
  to.attributes.closeRow();
  to.attribute_types.closeRow();
  to.resource_attributes.closeRow();
  to.resource_attribute_types.closeRow();
  to.scope_attributes.closeRow();
  to.scope_attribute_types.closeRow();
  to.events.closeRow();
  to.links.closeRow();
}

/** Forgets what was begun of the nested columns of row `rows`: all that is written before a span is known to be sound. */
function forgetNested(to: SpanColumns, rows: number): void {
  to.attributes.truncate(rows);
  to.attribute_types.truncate(rows);
  to.events.truncate(rows);
  to.links.truncate(rows);
}

/** Why an id cannot be one: of another size, or all zero. */
export function idRefusal(r: WireReader, range: Range, size: number, field: string): string | undefined {
  if (range.end - range.start !== size) return `${field} has ${range.end - range.start} bytes, not ${size}`;
  for (let i = range.start; i < range.end; i++) if (r.bytes[i] !== 0) return undefined;
  return `${field} is all zero`;
}

/** Reads a length and returns where the message ends. */
export function messageEnd(r: WireReader): number {
  const length = r.length();
  return r.pos + length;
}

function clear(range: Range): void {
  range.start = range.end = 0;
}

function readRange(r: WireReader, range: Range): void {
  const length = r.length();
  range.start = r.pos;
  range.end = r.pos + length;
  r.pos = range.end;
}

function readLong(r: WireReader, to: Long): void {
  to.low = r.fixed64();
  to.high = r.high;
}

function long({ low, high }: Long): string {
  return ((BigInt(high) << 32n) | BigInt(low)).toString();
}
