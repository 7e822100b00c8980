/** Value of an attribute; integers are told from doubles by `Number.isInteger`. */
export type AttributeValue = string | number | boolean;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * Writes protobuf into one growing buffer, as an OpenTelemetry exporter would send it.
 *
 * It exists because building and encoding message objects takes a generator longer than the server takes to store
 * what they say. All text must be ASCII.
 */
export class OtlpWriter {
  #buffer = Buffer.allocUnsafe(1 << 16);
  #at = 0;

  /** Forgets what was written; the buffer is used again. */
  clear(): void {
    this.#at = 0;
  }

  /** A copy of what was written. */
  bytes(): Buffer<ArrayBuffer> {
    return Buffer.from(this.#buffer.subarray(0, this.#at));
  }

  text(field: number, text: string): void {
    this.#room(text.length + 20);
    this.#header(field, BYTES, text.length);
    this.#at += this.#buffer.write(text, this.#at, "latin1");
  }

  /** A field of raw bytes or an encoded message. */
  raw(field: number, bytes: Uint8Array): void {
    this.#room(bytes.length + 20);
    this.#header(field, BYTES, bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  varint(field: number, value: number): void {
    this.#room(20);
    this.#header(field, VARINT, value);
  }

  fixed64(field: number, value: bigint): void {
    this.#room(20);
    this.#varint(field * 8 + FIXED64);
    this.#at = this.#buffer.writeBigUInt64LE(value, this.#at);
  }

  fixed32(field: number, value: number): void {
    this.#room(20);
    this.#varint(field * 8 + FIXED32);
    this.#at = this.#buffer.writeUInt32LE(value, this.#at);
  }

  /** A key and a value of opentelemetry.proto.common.v1. */
  attribute(field: number, key: string, value: AttributeValue): void {
    const valueLength = anyValueLength(value);
    this.#room(key.length + valueLength + 40);
    this.#header(field, BYTES, 2 + key.length + 2 + valueLength);
    this.text(1, key);
    this.#header(2, BYTES, valueLength);
    if (typeof value === "string") this.text(1, value);
    else if (typeof value === "boolean") this.varint(2, value ? 1 : 0);
    else if (Number.isInteger(value)) this.varint(3, value);
    else {
      this.#varint(4 * 8 + FIXED64);
      this.#at = this.#buffer.writeDoubleLE(value, this.#at);
    }
  }

  #header(field: number, wireType: number, lengthOrValue: number): void {
    this.#varint(field * 8 + wireType);
    this.#varint(lengthOrValue);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#at++] = rest;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

/** Length of an encoded AnyValue; keys and texts are taken to be shorter than 128. */
function anyValueLength(value: AttributeValue): number {
  if (typeof value === "string") {
    if (value.length > 100) throw new Error(`cannot write "${value}": it is longer than 100`);
    return 2 + value.length;
  }
  if (typeof value === "boolean") return 2;
  if (!Number.isInteger(value)) return 9;
  let length = 2;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}
