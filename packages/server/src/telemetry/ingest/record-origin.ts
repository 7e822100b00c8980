import { attributeNames, outcomes, type SpanTypeName, spanTypes } from "@spanloom/protocol";
import { hexValue } from "../columns/fixed-column.ts";
import type { MapColumn } from "../columns/nested-column.ts";
import type { OriginColumns } from "../columns/span-columns.ts";
import type { Utf8Column } from "../columns/utf8-column.ts";
import { TraceStateOrigin } from "./trace-state-origin.ts";
import type { WireReader } from "./wire-reader.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Attributes that have columns of their own. */
const slots = {
  jobId: 0,
  jobName: 1,
  taskId: 2,
  taskName: 3,
  taskVersion: 4,
  attempt: 5,
  queue: 6,
  runnerId: 7,
  spanType: 8,
  outcome: 9,
  serviceName: 10,
} as const;
const SLOT_COUNT = 11;

/** Candidates by key length, so that most keys are dismissed by one look. */
const keysByLength: { bytes: Uint8Array; slot: number }[][] = [];
for (const [name, slot] of [
  [attributeNames.jobId, slots.jobId],
  [attributeNames.jobName, slots.jobName],
  [attributeNames.taskId, slots.taskId],
  [attributeNames.taskName, slots.taskName],
  [attributeNames.taskVersion, slots.taskVersion],
  [attributeNames.taskAttempt, slots.attempt],
  [attributeNames.queue, slots.queue],
  [attributeNames.runnerId, slots.runnerId],
  [attributeNames.spanType, slots.spanType],
  [attributeNames.outcome, slots.outcome],
  ["service.name", slots.serviceName],
] as const) {
  const bytes = encoder.encode(name);
  keysByLength[bytes.length] = [...(keysByLength[bytes.length] ?? []), { bytes, slot }];
}

/**
 * Which job, task, attempt and service a record belongs to: from its attributes, else its resource's, else the
 * `spanloom` member of its trace state.
 *
 * It remembers places in the attribute columns, not values, until the row is written.
 */
export class RecordOrigin {
  readonly #record = new Int32Array(SLOT_COUNT).fill(-1);
  readonly #resource = new Int32Array(SLOT_COUNT).fill(-1);
  #resourceValues: Utf8Column | undefined;
  #recordValues: Utf8Column | undefined;
  readonly #traceStateOrigin = new TraceStateOrigin();
  #dirty = false;

  /** Begins a resource whose attributes are read into `map`. */
  startResource(map: MapColumn): void {
    this.#resource.fill(-1);
    this.#resourceValues = map.values;
  }

  /** Begins a record whose attributes are read into `map`. */
  startRecord(map: MapColumn): void {
    if (this.#dirty) this.#record.fill(-1);
    this.#dirty = false;
    this.#recordValues = map.values;
  }

  /** Hears of a resource attribute. */
  readonly onResourceAttribute = (r: WireReader, keyStart: number, keyEnd: number): void => {
    const slot = slotOf(r.bytes, keyStart, keyEnd);
    if (slot >= 0) this.#resource[slot] = this.#resourceValues!.length - 1;
  };

  /** Hears of a record's attribute. */
  readonly onAttribute = (r: WireReader, keyStart: number, keyEnd: number): void => {
    const slot = slotOf(r.bytes, keyStart, keyEnd);
    if (slot < 0 || slot === slots.serviceName) return;
    this.#record[slot] = this.#recordValues!.length - 1;
    this.#dirty = true;
  };

  /** Hears of attributes that were read before and are the last of the record's: slots and places, by turns. */
  onRun(places: readonly number[]): void {
    const first = this.#recordValues!.length;
    for (let i = 0; i < places.length; i += 2) {
      if (places[i] !== slots.serviceName) this.#record[places[i]!] = first + places[i + 1]!;
    }
    this.#dirty = true;
  }

  /** Appends the origin of the record just read, whose trace state is at `traceState`; an attribute's word on the job goes first. */
  append(to: OriginColumns, r: WireReader, traceState: { start: number; end: number }): void {
    const named = this.#record[slots.jobId]! >= 0;
    const origin = named ? undefined : this.#traceStateOrigin.read(r.bytes, traceState.start, traceState.end);
    this.#appendId(to.job_id, slots.jobId, origin?.jobId);
    this.#appendText(to.job_name, slots.jobName);
    this.#appendId(to.task_id, slots.taskId, origin?.taskId);
    this.#appendText(to.task_name, slots.taskName);
    this.#appendText(to.task_version, slots.taskVersion);
    const attempt = this.#attempt();
    to.attempt.append(attempt > 0 ? attempt : (origin?.attempt ?? 0));
    this.#appendText(to.queue, slots.queue);
    this.#appendText(to.runner_id, slots.runnerId);
    this.#appendText(to.service_name, slots.serviceName);
  }

  /** Appends what the record says it is, and gives it; `user` unless it names a type of Spanloom's. */
  appendType(to: Utf8Column): SpanTypeName {
    const row = this.#record[slots.spanType]!;
    const type = row < 0 ? "user" : typeAt(this.#recordValues!, row);
    to.appendText(type);
    return type;
  }

  /** Appends the record's outcome when it is one of Spanloom's. */
  appendOutcome(to: Utf8Column): void {
    const given = this.#record[slots.outcome]! < 0 ? "" : this.#text(slots.outcome);
    to.appendText((outcomes as readonly string[]).includes(given) ? given : "");
  }

  #appendId(to: OriginColumns["job_id"], slot: number, fallback: Uint8Array | undefined): void {
    const at = this.#place(slot);
    if (at) {
      const { bytes, offsets } = at.values;
      const start = offsets[at.row]!;
      if (readUuid(bytes, start, offsets[at.row + 1]!)) {
        to.append(uuidScratch, 0);
        return;
      }
    }
    if (fallback === undefined) to.appendNone();
    else to.append(fallback, 0);
  }

  #appendText(to: Utf8Column, slot: number): void {
    const at = this.#place(slot);
    if (!at) to.close(to.reserve(0));
    else to.append(at.values.bytes, at.values.offsets[at.row]!, at.values.offsets[at.row + 1]!);
  }

  #attempt(): number {
    const at = this.#place(slots.attempt);
    if (!at) return 0;
    const { bytes, offsets } = at.values;
    const end = offsets[at.row + 1]!;
    if (end - offsets[at.row]! > 9) return 0;
    let attempt = 0;
    for (let i = offsets[at.row]!; i < end; i++) {
      const digit = bytes[i]! - 48;
      if (digit < 0 || digit > 9) return 0;
      attempt = attempt * 10 + digit;
    }
    return attempt;
  }

  #text(slot: number): string {
    const at = this.#place(slot);
    if (!at) return "";
    return decoder.decode(at.values.bytes.subarray(at.values.offsets[at.row]!, at.values.offsets[at.row + 1]!));
  }

  #place(slot: number): { values: Utf8Column; row: number } | undefined {
    const own = this.#record[slot]!;
    if (own >= 0) return { values: this.#recordValues!, row: own };
    const inherited = this.#resource[slot]!;
    return inherited >= 0 ? { values: this.#resourceValues!, row: inherited } : undefined;
  }
}

/** The slot of the attribute with a key; -1 when it has none. */
export function slotOf(bytes: Uint8Array, start: number, end: number): number {
  // "sp" begins every key but service.name; all lie between 12 and 21 bytes.
  if (bytes[start] !== 0x73) return -1;
  const candidates = keysByLength[end - start];
  if (!candidates) return -1;
  for (const { bytes: key, slot } of candidates) {
    let i = 0;
    while (i < key.length && key[i] === bytes[start + i]) i++;
    if (i === key.length) return slot;
  }
  return -1;
}

const typeNames = spanTypes.map((name) => ({ name, bytes: encoder.encode(name) }));

/** The type of Spanloom's that a text names; `user` when it is none. */
function typeAt({ bytes, offsets }: Utf8Column, row: number): SpanTypeName {
  const start = offsets[row]!;
  for (const type of typeNames) {
    if (type.bytes.length !== offsets[row + 1]! - start) continue;
    if (type.bytes.every((byte, i) => byte === bytes[start + i])) return type.name;
  }
  return "user";
}

const uuidScratch = new Uint8Array(16);

/** Reads a UUID's text into the scratch; false when it is none. */
function readUuid(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 36) return false;
  let digit = 0;
  for (let i = 0; i < 36; i++) {
    const code = bytes[start + i]!;
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (code !== 0x2d) return false;
      continue;
    }
    const value = hexValue(code);
    if (value < 0) return false;
    uuidScratch[digit >> 1] = digit % 2 === 0 ? value << 4 : uuidScratch[digit >> 1]! | value;
    digit++;
  }
  return true;
}
