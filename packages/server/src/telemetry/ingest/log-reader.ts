import type { LogColumns, RowBuilder } from "../columns/span-columns.ts";
import { appendAnyValue } from "./any-value.ts";
import { readAttribute } from "./attribute-reader.ts";
import type { Envelope, ReadOutcome } from "./envelope-reader.ts";
import { idRefusal, messageEnd } from "./span-reader.ts";
import type { WireReader } from "./wire-reader.ts";

/** Names of severity numbers that come without text, by OTLP's ranges of four. */
const severities = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const;

/** Log records carry none. */
const noTraceState = { start: 0, end: 0 };

/** Scalars of the record being read: places in the payload, or numbers. */
const blank = {
  traceAt: 0,
  traceEnd: 0,
  spanAt: 0,
  spanEnd: 0,
  severityAt: 0,
  severityEnd: 0,
  eventAt: 0,
  eventEnd: 0,
  bodyAt: 0,
  bodyEnd: 0,
  timeLow: 0,
  timeHigh: 0,
  observedLow: 0,
  observedHigh: 0,
  severity: 0,
  flags: 0,
  dropped: 0,
};

/** Reads OTLP log records into columns; one reader serves any number of payloads. */
export class LogReader {
  readonly #rows: RowBuilder<LogColumns>;
  readonly #envelope: Envelope;
  readonly #writer: { low: number; high: number };
  readonly #record = { ...blank };

  constructor(rows: RowBuilder<LogColumns>, envelope: Envelope, writer: bigint) {
    this.#writer = { low: Number(writer & 0xffffffffn), high: Number(writer >> 32n) };
    this.#rows = rows;
    this.#envelope = envelope;
  }

  /** Reads a LogRecord that ends at `end` into a row named `id`, or refuses it in `outcome`. */
  read(r: WireReader, end: number, outcome: ReadOutcome, id: { low: number; high: number }): void {
    Object.assign(this.#record, blank);
    this.#envelope.origin.startRecord(this.#rows.columns.attributes);
    const rows = this.#rows.rows;
    r.end = end;
    while (r.pos < end) this.#readField(r, r.tag());
    const refusal = this.#refusal(r);
    if (refusal === undefined) {
      this.#append(r);
      this.#rows.columns.ingest_id.append(id.low, id.high);
      this.#rows.columns.writer.append(this.#writer.low, this.#writer.high);
      outcome.accepted++;
      return;
    }
    // All that is written before a record is known to be sound.
    this.#rows.columns.attributes.truncate(rows);
    this.#rows.columns.attribute_types.truncate(rows);
    outcome.message ||= `cannot accept log record: ${refusal}`;
    outcome.rejected++;
  }

  #readField(r: WireReader, tag: number): void {
    const record = this.#record;
    switch (tag) {
      case 0x32:
        readAttribute(r, messageEnd(r), this.#rows.columns, this.#envelope.origin.onAttribute);
        return;
      case 0x09:
        record.timeLow = r.fixed64();
        record.timeHigh = r.high;
        return;
      case 0x59:
        record.observedLow = r.fixed64();
        record.observedHigh = r.high;
        return;
      case 0x10:
        record.severity = r.varint();
        return;
      case 0x38:
        record.dropped = r.varint();
        return;
      case 0x45:
        record.flags = r.fixed32();
        return;
      default:
        this.#readBytesField(r, tag);
    }
  }

  #readBytesField(r: WireReader, tag: number): void {
    const record = this.#record;
    if (tag !== 0x1a && tag !== 0x2a && tag !== 0x4a && tag !== 0x52 && tag !== 0x62) {
      r.skip(tag);
      return;
    }
    const end = messageEnd(r);
    const at = r.pos;
    r.pos = end;
    if (tag === 0x1a) Object.assign(record, { severityAt: at, severityEnd: end });
    else if (tag === 0x2a) Object.assign(record, { bodyAt: at, bodyEnd: end });
    else if (tag === 0x4a) Object.assign(record, { traceAt: at, traceEnd: end });
    else if (tag === 0x52) Object.assign(record, { spanAt: at, spanEnd: end });
    else Object.assign(record, { eventAt: at, eventEnd: end });
  }

  #refusal(r: WireReader): string | undefined {
    const record = this.#record;
    if (record.timeHigh > 0x7fffffff || record.observedHigh > 0x7fffffff) return "a time is beyond the year 2262";
    if ((record.timeLow | record.timeHigh | record.observedLow | record.observedHigh) === 0) {
      return "time_unix_nano and observed_time_unix_nano are 0";
    }
    return (
      this.#timeRefusal() ??
      (record.traceEnd > record.traceAt
        ? idRefusal(r, { start: record.traceAt, end: record.traceEnd }, 16, "trace_id")
        : undefined) ??
      (record.spanEnd > record.spanAt
        ? idRefusal(r, { start: record.spanAt, end: record.spanEnd }, 8, "span_id")
        : undefined)
    );
  }

  #timeRefusal(): string | undefined {
    const { timeLow, timeHigh, observedLow, observedHigh } = this.#record;
    const { retention } = this.#envelope;
    return (timeLow | timeHigh) !== 0
      ? retention.refusal("time_unix_nano", timeLow, timeHigh)
      : retention.refusal("observed_time_unix_nano", observedLow, observedHigh);
  }

  #append(r: WireReader): void {
    const to = this.#rows.columns;
    const record = this.#record;
    const { origin } = this.#envelope;
    this.#appendTimes(to);
    if (record.traceEnd > record.traceAt) to.trace_id.append(r.bytes, record.traceAt);
    else to.trace_id.appendNone();
    if (record.spanEnd > record.spanAt) to.span_id.append(r.bytes, record.spanAt);
    else to.span_id.appendNone();
    to.severity_number.append(record.severity);
    if (record.severityEnd > record.severityAt) to.severity.append(r.bytes, record.severityAt, record.severityEnd);
    else to.severity.appendText(severities[(record.severity - 1) >> 2] ?? "");
    r.pos = record.bodyAt;
    r.end = record.bodyEnd;
    to.body_type.appendText(appendAnyValue(r, record.bodyEnd, to.body));
    origin.append(to, r, noTraceState);
    to.event_name.append(r.bytes, record.eventAt, record.eventEnd);
    to.flags.append(record.flags);
    to.dropped_attributes.append(record.dropped);
    this.#envelope.appendTo(to);
    closeLogMaps(to);
  }

  /** A record without a time happened when it was seen, as OTLP asks; one not seen was seen when it happened. */
  #appendTimes(to: LogColumns): void {
    const { timeLow, timeHigh, observedLow, observedHigh } = this.#record;
    const timed = (timeLow | timeHigh) !== 0;
    const observed = (observedLow | observedHigh) !== 0;
    to.time.append(timed ? timeLow : observedLow, timed ? timeHigh : observedHigh);
    to.observed_time.append(observed ? observedLow : timeLow, observed ? observedHigh : timeHigh);
  }
}

function closeLogMaps(to: LogColumns): void {
  to.attributes.closeRow();
  to.attribute_types.closeRow();
  to.resource_attributes.closeRow();
  to.resource_attribute_types.closeRow();
  to.scope_attributes.closeRow();
  to.scope_attribute_types.closeRow();
}
