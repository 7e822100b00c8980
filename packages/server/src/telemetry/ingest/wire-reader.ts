import { SpanloomError } from "@spanloom/protocol";

const MAX_DEPTH = 64;
/**
 * Records, events, links, attributes and values within values of one payload. Each takes 2 bytes of 16 MiB at least, and
 * ten times that in columns; of what honest senders send, 8 or more.
 */
const MAX_ITEMS = 2 ** 21;

/**
 * A cursor over protobuf bytes that believes no length.
 *
 * I1. Every read is checked against the end of the message it is in; bytes outside are never touched.
 * I2. Each call moves forward or throws, so no input makes a reader hang.
 */
export class WireReader {
  readonly bytes: Uint8Array;
  pos = 0;
  /** End of the message being read. */
  end: number;
  /** High half of the last `varint` or `fixed64`. */
  high = 0;
  readonly #view: DataView;
  readonly #what: string;
  #items = 0;

  /** `what` names the payload in errors. */
  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  /** The error for malformed bytes: INVALID_FIELD naming the offset. */
  malformed(why: string, at = this.pos): SpanloomError {
    const message = `cannot decode ${this.#what}: ${why} at byte ${at} of ${this.bytes.length}`;
    return new SpanloomError("INVALID_FIELD", message, { field: this.#what, metadata: { offset: String(at) } });
  }

  /** Refuses messages within messages beyond a depth no honest sender needs. */
  checkDepth(depth: number): void {
    if (depth > MAX_DEPTH) throw this.malformed(`values nest deeper than ${MAX_DEPTH}`);
  }

  /** Records and parts of records counted so far. */
  get items(): number {
    return this.#items;
  }

  /** Counts a record, or parts of one. Errors: LIMIT_EXCEEDED when there are more than any honest sender has. */
  item(count = 1): void {
    this.#items += count;
    if (this.#items > MAX_ITEMS) throw this.tooMuch(`more than ${MAX_ITEMS} records, attributes, events and links`);
  }

  /** The error for a payload that would take too much memory. */
  tooMuch(why: string): SpanloomError {
    const message = `cannot decode ${this.#what}: ${why}: send fewer records at a time`;
    return new SpanloomError("LIMIT_EXCEEDED", message, { field: this.#what });
  }

  /** Reads a tag: field number times 8 plus wire type. */
  tag(): number {
    const at = this.pos;
    const first = this.bytes[at]!;
    if (first < 0x80 && at < this.end) {
      this.pos = at + 1;
      if (first >= 8) return first;
      throw this.malformed("field number 0", at);
    }
    const tag = this.varint();
    if (this.high !== 0 || tag < 8) throw this.malformed("an invalid tag", at);
    return tag;
  }

  /** Reads a varint: returns its low 32 bits and leaves the rest in `high`. */
  varint(): number {
    const { bytes, end } = this;
    let low = 0;
    this.high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= end) throw this.malformed("a varint is cut off");
      const byte = bytes[this.pos++]!;
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        this.high = part >>> 4;
      } else this.high |= shift < 63 ? part << (shift - 32) : (part & 1) << 31;
      if (byte < 0x80) {
        this.high >>>= 0;
        return low >>> 0;
      }
    }
    throw this.malformed("a varint is longer than 10 bytes");
  }

  /** Reads a length; the bytes that follow are `[pos, pos + length)`. */
  length(): number {
    const at = this.pos;
    const first = this.bytes[at]!;
    let length = first;
    if (first < 0x80 && at < this.end) this.pos = at + 1;
    else {
      length = this.varint();
      if (this.high !== 0) throw this.malformed("a length beyond the message", at);
    }
    if (length > this.end - this.pos) throw this.malformed(`a length of ${length} beyond the message`, at);
    return length;
  }

  /** Reads 4 bytes. */
  fixed32(): number {
    if (this.end - this.pos < 4) throw this.malformed("a fixed32 is cut off");
    this.pos += 4;
    return this.#view.getUint32(this.pos - 4, true);
  }

  /** Reads 8 bytes: returns the low half and leaves the high one in `high`. */
  fixed64(): number {
    if (this.end - this.pos < 8) throw this.malformed("a fixed64 is cut off");
    this.pos += 8;
    this.high = this.#view.getUint32(this.pos - 4, true);
    return this.#view.getUint32(this.pos - 8, true);
  }

  /** Reads a double. */
  double(): number {
    this.fixed64();
    return this.#view.getFloat64(this.pos - 8, true);
  }

  /** Passes over the value of an unknown field. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case 0:
        this.varint();
        return;
      case 1:
        this.fixed64();
        return;
      case 2: {
        const length = this.length();
        this.pos += length;
        return;
      }
      case 3:
        this.#skipGroup(tag >>> 3, depth + 1);
        return;
      case 5:
        this.fixed32();
        return;
      default:
        throw this.malformed(`wire type ${tag & 7}`);
    }
  }

  #skipGroup(field: number, depth: number): void {
    this.checkDepth(depth);
    for (;;) {
      if (this.pos >= this.end) throw this.malformed("a group is cut off");
      const tag = this.tag();
      if ((tag & 7) !== 4) this.skip(tag, depth);
      else if (tag >>> 3 === field) return;
      else throw this.malformed("a group ends that did not begin");
    }
  }
}

/** The number in the varint field with this tag of the message `[r.pos, end)`: the last of several, 0 when there is none. */
export function lastNumber(r: WireReader, end: number, wanted: number): number {
  const outer = r.end;
  r.end = end;
  let value = 0;
  while (r.pos < end) {
    const tag = r.tag();
    if (tag === wanted) value = r.varint();
    else r.skip(tag);
  }
  r.end = outer;
  return value;
}

/** Calls `read` for every embedded message with this tag in the message `[r.pos, end)`; passes over all else. */
export function eachMessage(r: WireReader, end: number, wanted: number, read: (end: number) => void): void {
  const outer = r.end;
  r.end = end;
  while (r.pos < end) {
    const tag = r.tag();
    if (tag !== wanted) {
      r.skip(tag);
      continue;
    }
    const length = r.length();
    const messageEnd = r.pos + length;
    read(messageEnd);
    r.pos = messageEnd;
    r.end = end;
  }
  r.end = outer;
}
