import { attributeNames } from "@spanloom/protocol";
import type { MapColumn } from "../columns/nested-column.ts";
import type { AttributeSink } from "./attribute-reader.ts";
import { slotOf } from "./record-origin.ts";
import type { WireReader } from "./wire-reader.ts";

/** Attributes at the end of a record, as they were read once. */
export interface AttributeRun extends AttributeSink {
  /** The fields, from the first one's tag to the end of the record. */
  bytes: Uint8Array;
  /** What they count for in the payload. */
  items: number;
  /** The slots that their values are for, each followed by the value's place in the run. */
  slots: readonly number[];
}

/** Kinds of attempts whose runs are remembered: more rarely take turns in a payload. */
const MAX_RUNS = 16;
/** Longest run remembered: a runner's are 300 to 500 bytes. */
const MAX_RUN_BYTES = 4096;

/** A runner's spans end with what attempts of a kind have in common, and this attribute is the first of it. */
const FIRST_KEY_LENGTH = attributeNames.taskAttempt.length;
const FIRST_LETTER = attributeNames.taskAttempt.charCodeAt(0);

/**
 * Attributes that records end with alike, byte for byte: these are read once and then copied as a run.
 *
 * Eight of the twelve attributes of a span of a task say what kind of attempt it is of, and tens of thousands say the same.
 */
export class AttributeRuns {
  readonly #runs: AttributeRun[] = [];
  #learned = 0;
  // The run that began in the record being read, if any.
  #startedAt = -1;
  #items = 0;
  #attributes = 0;
  #types = 0;

  /**
   * The run that is the rest of the record, from the attribute whose length stands at `r.pos`.
   *
   * Undefined when none is known that the open row of `sink` may take; one that begins here is then noted, to be learned.
   */
  find(r: WireReader, { attributes, attribute_types: types }: AttributeSink): AttributeRun | undefined {
    const { bytes, pos, end } = r;
    const begins = bytes[pos + 2] === FIRST_KEY_LENGTH && bytes[pos + 1] === 0x0a && bytes[pos + 3] === FIRST_LETTER;
    if (!begins || pos + 3 >= end) return undefined;
    const start = pos - 1;
    for (const run of this.#runs) {
      if (run.bytes.length !== end - start || Buffer.compare(run.bytes, bytes.subarray(start, end)) !== 0) continue;
      return attributes.hasAnyOf(run.attributes) ? undefined : run;
    }
    this.#startedAt = start;
    this.#items = r.items;
    this.#attributes = attributes.keys.length;
    this.#types = types.keys.length;
    return undefined;
  }

  /** Forgets the run that began: the record goes on with something else, or is a new one. */
  interrupt(): void {
    this.#startedAt = -1;
  }

  /** Remembers the run that began and reached the end of its record, whose attributes stand in the open row of `sink`. */
  learn(r: WireReader, { attributes, attribute_types: types }: AttributeSink): void {
    const start = this.#startedAt;
    this.#startedAt = -1;
    if (start < 0 || r.bytes[start] !== 0x4a || r.pos - start > MAX_RUN_BYTES) return;
    const run: AttributeRun = {
      // A copy: the payload may be written over.
      bytes: new Uint8Array(r.bytes.subarray(start, r.pos)),
      items: r.items - this.#items,
      attributes: attributes.copyOpen(this.#attributes),
      attribute_types: types.copyOpen(this.#types),
      slots: [],
    };
    // Of keys that repeat the types depend on what else the record has.
    if (attributes.repeatsAnyOf(run.attributes)) return;
    run.slots = slotsOf(run.attributes);
    this.#runs[this.#learned++ % MAX_RUNS] = run;
  }
}

function slotsOf({ keys: { bytes, offsets, length } }: MapColumn): number[] {
  const slots: number[] = [];
  for (let i = 0; i < length; i++) {
    const slot = slotOf(bytes, offsets[i]!, offsets[i + 1]!);
    if (slot >= 0) slots.push(slot, i);
  }
  return slots;
}
