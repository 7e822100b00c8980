import { attributeNames, originOf } from "@spanloom/protocol";
import { eachMessage, WireReader } from "../ingest/wire-reader.ts";
import type { OtlpPayload } from "../telemetry.ts";

/** What a time is of. */
export const timeKinds = { start: 0, end: 1, other: 2 } as const;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const TASK_ID = encoder.encode(attributeNames.taskId);
const ATTEMPT = encoder.encode(attributeNames.taskAttempt);

/**
 * The times of a payload: where each stands in its bytes, and which attempt its record is of. OTLP writes a time as 8
 * bytes, so that one can be put in place of another.
 *
 * Flat lists, as a payload may hold a hundred thousand records.
 */
export class PayloadTimes {
  readonly #view: DataView;
  readonly bytes: Uint8Array;
  /** Attempts by place, as {@link attemptKey}; the first stands for none. One whose records lie apart has several places. */
  readonly attempts: string[] = [""];
  /** Of each time: where it stands, what it is of, and of which record. */
  readonly at: number[] = [];
  readonly kinds: number[] = [];
  readonly records: number[] = [];
  /** Of each record: its attempt's place, where its span id stands (-1: it has none), and whether it has an end. */
  readonly attemptOf: number[] = [];
  readonly spanIdAt: number[] = [];
  readonly isOpen: boolean[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A time in microseconds; the fraction is not exact. */
  us(i: number): number {
    const at = this.at[i]!;
    return (this.#view.getUint32(at + 4, true) * 2 ** 32 + this.#view.getUint32(at, true)) / 1000;
  }

  /** A time in nanoseconds. */
  ns(i: number): bigint {
    return this.#view.getBigUint64(this.at[i]!, true);
  }

  /** Puts another time in its place. */
  write(i: number, ns: bigint): void {
    this.#view.setBigUint64(this.at[i]!, ns, true);
  }

  /** The span id of a record, for looking it up; undefined when it has none. */
  spanId(record: number): string | undefined {
    const at = this.spanIdAt[record]!;
    return at < 0 ? undefined : Buffer.from(this.bytes.buffer, this.bytes.byteOffset + at, 8).toString("hex");
  }

  /** Ends a record. */
  closeRecord(attempt: string, spanIdAt: number, isOpen: boolean): void {
    const last = this.attempts.length - 1;
    if (attempt === "") this.attemptOf.push(0);
    else if (attempt === this.attempts[last]) this.attemptOf.push(last);
    else this.attemptOf.push(this.attempts.push(attempt) - 1);
    this.spanIdAt.push(spanIdAt);
    this.isOpen.push(isOpen);
  }

  /** Adds a time of the record being read. One that is 0 says that there is none. */
  add(at: number, kind: number): void {
    this.at.push(at);
    this.kinds.push(kind);
    this.records.push(this.attemptOf.length);
  }
}

/** Finds the times of a payload. Errors: INVALID_FIELD when its bytes are malformed. */
export function payloadTimes({ signal, bytes }: OtlpPayload): PayloadTimes {
  const times = new PayloadTimes(bytes);
  const reader = new TimesReader(times, signal === "traces" ? spanFields : logFields);
  const r = new WireReader(bytes, signal);
  // Resource > scope > record, with the same field numbers for both signals.
  eachMessage(r, bytes.length, 0x0a, (resourceEnd) => {
    eachMessage(r, resourceEnd, 0x12, (scopeEnd) => {
      eachMessage(r, scopeEnd, 0x12, (end) => reader.read(r, end));
    });
  });
  return times;
}

/** Finds the times of one serialized span, which are of `attempt`. Errors as {@link payloadTimes}. */
export function spanTimes(bytes: Uint8Array, attempt: string): PayloadTimes {
  const times = new PayloadTimes(bytes);
  new TimesReader(times, spanFields).read(new WireReader(bytes, "attempt span"), bytes.length, attempt);
  return times;
}

/** Tags of the fields of a record that matter here; 0 where it has none. */
interface Fields {
  start: number;
  end: number;
  other: number;
  spanId: number;
  traceState: number;
  attribute: number;
  event: number;
}

const spanFields: Fields = {
  start: 0x39,
  end: 0x41,
  other: 0,
  spanId: 0x12,
  traceState: 0x1a,
  attribute: 0x4a,
  event: 0x5a,
};
const logFields: Fields = { start: 0x09, end: 0, other: 0x59, spanId: 0, traceState: 0, attribute: 0x32, event: 0 };

/** Reads records, one after the other. */
class TimesReader {
  readonly #times: PayloadTimes;
  readonly #fields: Fields;
  #taskId = "";
  #attempt = 0;
  /** Where the trace state stands that was read last: spans of an attempt mostly come together. */
  #traceStateAt = 0;
  #traceStateLength = 0;
  #traceStateAttempt = "";

  constructor(times: PayloadTimes, fields: Fields) {
    this.#times = times;
    this.#fields = fields;
  }

  read(r: WireReader, end: number, known = ""): void {
    const fields = this.#fields;
    let spanIdAt = -1;
    let attempt = known;
    let isOpen = true;
    this.#taskId = "";
    this.#attempt = 0;
    r.end = end;
    while (r.pos < end) {
      const tag = r.tag();
      if (tag === fields.start) this.#time(r, timeKinds.start);
      else if (tag === fields.end) isOpen = !this.#time(r, timeKinds.end);
      else if (tag === fields.other) this.#time(r, timeKinds.other);
      else if (tag === fields.event) this.#event(r);
      else if (tag === fields.attribute && attempt === "") this.#attribute(r);
      else if (tag === fields.spanId) spanIdAt = bytesField(r, 8);
      else if (tag === fields.traceState && known === "") attempt = this.#readTraceState(r);
      else r.skip(tag);
    }
    if (attempt === "" && this.#taskId !== "" && this.#attempt > 0) attempt = attemptKey(this.#taskId, this.#attempt);
    this.#times.closeRecord(attempt, spanIdAt, isOpen);
  }

  /** Whether there is a time. */
  #time(r: WireReader, kind: number): boolean {
    const at = r.pos;
    const low = r.fixed64();
    if (low === 0 && r.high === 0) return false;
    this.#times.add(at, kind);
    return true;
  }

  #event(r: WireReader): void {
    const length = r.length();
    const end = r.pos + length;
    const outer = r.end;
    r.end = end;
    while (r.pos < end) {
      const tag = r.tag();
      if (tag === 0x09) this.#time(r, timeKinds.other);
      else r.skip(tag);
    }
    r.end = outer;
  }

  #attribute(r: WireReader): void {
    const length = r.length();
    const end = r.pos + length;
    // Key first, as every encoder writes it; other orders are read past, and the trace state tells.
    const keyAt = r.bytes[r.pos] === 0x0a ? r.pos + 2 : end;
    const keyLength = keyAt < end ? r.bytes[r.pos + 1]! : 0;
    const valueAt = keyAt + keyLength;
    if (keyLength === TASK_ID.length && valueAt < end && startsWith(r.bytes, keyAt, TASK_ID)) {
      this.#taskId = textValue(r, valueAt, end);
    } else if (keyLength === ATTEMPT.length && valueAt < end && startsWith(r.bytes, keyAt, ATTEMPT)) {
      this.#attempt = intValue(r, valueAt, end);
    }
    r.pos = end;
  }

  #readTraceState(r: WireReader): string {
    const length = r.length();
    const at = r.pos;
    r.pos += length;
    if (length !== this.#traceStateLength || !isAlike(r.bytes, { at, other: this.#traceStateAt, length })) {
      this.#traceStateAttempt = attemptIn(r.bytes, at, length);
    }
    this.#traceStateAt = at;
    this.#traceStateLength = length;
    return this.#traceStateAttempt;
  }
}

/** Names an attempt, as a trace state does. */
export function attemptKey(taskId: string, attempt: number): string {
  return `${taskId}_${attempt}`;
}

/** The attempt that a trace state names; empty when it names none. */
function attemptIn(bytes: Uint8Array, at: number, length: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, length);
  if (length > TASK_AT + 37 && length <= TASK_AT + 46 && startsWith(bytes, at, OWN_MEMBER)) {
    // Nothing but what the server wrote: the key stands in it.
    const key = text.toString("latin1", TASK_AT);
    if (OWN_KEY.test(key)) return key;
  }
  const origin = originOf(decoder.decode(text));
  return origin ? attemptKey(origin.taskId, origin.attempt) : "";
}

const OWN_MEMBER = encoder.encode("spanloom=");
/** Where the task begins: after the job. */
const TASK_AT = OWN_MEMBER.length + 37;
const OWN_KEY = /^[0-9a-f-]{36}_[1-9][0-9]*$/;

/** Whether the same bytes stand in two places. From the end on, where ids differ. */
function isAlike(bytes: Uint8Array, { at, other, length }: { at: number; other: number; length: number }): boolean {
  for (let i = length - 1; i >= 0; i--) if (bytes[at + i] !== bytes[other + i]) return false;
  return true;
}

/** Where the bytes of a field begin; -1 when it has another length. */
function bytesField(r: WireReader, wanted: number): number {
  const length = r.length();
  const at = r.pos;
  r.pos += length;
  return length === wanted ? at : -1;
}

/** The text of `value { string_value }`; empty for any other. */
function textValue(r: WireReader, at: number, end: number): string {
  if (r.bytes[at] !== 0x12 || r.bytes[at + 2] !== 0x0a) return "";
  const from = at + 4;
  return from + r.bytes[at + 3]! === end ? decoder.decode(r.bytes.subarray(from, end)) : "";
}

/** The number of `value { int_value }`; 0 for any other. */
function intValue(r: WireReader, at: number, end: number): number {
  if (r.bytes[at] !== 0x12 || r.bytes[at + 2] !== 0x18) return 0;
  const outer = r.pos;
  r.pos = at + 3;
  const value = r.varint();
  const isWhole = r.pos === end && r.high === 0;
  r.pos = outer;
  return isWhole ? value : 0;
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
