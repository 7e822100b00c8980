import { isUtf8 } from "node:buffer";
import { type Data, makeData, Utf8 } from "apache-arrow";
import { type Column, grownInt32, grownUint8 } from "./column.ts";

/** Below this many bytes a loop beats the call overhead of a native copy: 12 ns against 45 ns at 16 bytes. */
const LOOP_COPY_BYTES = 32;
/** Up to this length, ids included, a loop encodes ASCII faster than the native encoder is called. */
const LOOP_TEXT_LENGTH = 64;
const encoder = new TextEncoder();

/** A column of UTF-8 text, appended as bytes wherever they already are bytes. */
export class Utf8Column implements Column {
  length = 0;
  /** Bytes in use. */
  byteLength = 0;
  bytes = new Uint8Array(4096);
  offsets = new Int32Array(257);
  /** First row whose first byte continues a character; -1 when none does. */
  #misalignedRow = -1;
  #view = new Uint8Array();

  /** Appends `source[start, end)`. */
  append(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    const from = this.reserve(size);
    const { bytes } = this;
    if (size <= LOOP_COPY_BYTES) for (let i = 0; i < size; i++) bytes[from + i] = source[start + i]!;
    else bytes.set(source.subarray(start, end), from);
    // A value may not begin inside a character: with that, one check of all bytes proves every value (hasInvalidText).
    if (size > 0 && (bytes[from]! & 0xc0) === 0x80 && this.#misalignedRow < 0) this.#misalignedRow = this.length;
    this.close(from + size);
  }

  /** Appends text. Lone surrogates become U+FFFD. */
  appendText(text: string): void {
    const from = this.reserve(text.length * 3);
    const { bytes } = this;
    if (text.length <= LOOP_TEXT_LENGTH) {
      let i = 0;
      for (; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        bytes[from + i] = code;
      }
      if (i === text.length) {
        this.close(from + i);
        return;
      }
    }
    this.close(from + encoder.encodeInto(text, bytes.subarray(from)).written);
  }

  /** Appends lower-case hex of `source[start, start + size)`. */
  appendHex(source: Uint8Array, start: number, size: number): void {
    const from = this.reserve(size * 2);
    for (let i = 0; i < size; i++) {
      const byte = source[start + i]!;
      this.bytes[from + 2 * i] = HEX_DIGITS[byte >> 4]!;
      this.bytes[from + 2 * i + 1] = HEX_DIGITS[byte & 15]!;
    }
    this.close(from + size * 2);
  }

  /** Appends a copy of all rows of another column. */
  appendAll(other: Utf8Column): void {
    const { byteLength: size, bytes: source, offsets, length: added } = other;
    const from = this.reserve(size, added);
    const { bytes, offsets: ends, length } = this;
    if (size <= LOOP_COPY_BYTES) for (let i = 0; i < size; i++) bytes[from + i] = source[i]!;
    else bytes.set(other.#used(), from);
    for (let i = 1; i <= added; i++) ends[length + i] = from + offsets[i]!;
    this.length = length + added;
    this.byteLength = from + size;
    if (other.#misalignedRow >= 0 && this.#misalignedRow < 0) this.#misalignedRow = this.length - 1;
  }

  /** Appends the only row of another column until there are `rows`. */
  fillTo(rows: number, other: Utf8Column): void {
    if (other.byteLength > 0) while (this.length < rows) this.appendAll(other);
    else if (rows > this.length) {
      this.reserve(0, rows - this.length);
      this.offsets.fill(this.byteLength, this.length + 1, rows + 1);
      this.length = rows;
    }
  }

  /** The bytes in use; the same view as long as they are. */
  #used(): Uint8Array {
    if (this.#view.length !== this.byteLength || this.#view.buffer !== this.bytes.buffer) {
      this.#view = this.bytes.subarray(0, this.byteLength);
    }
    return this.#view;
  }

  /** Makes room for `size` more bytes and `rows` more rows; returns where the bytes go. */
  reserve(size: number, rows = 1): number {
    const end = this.byteLength + size;
    if (end > this.bytes.length) this.bytes = grownUint8(this.bytes, end);
    if (this.length + rows >= this.offsets.length) this.offsets = grownInt32(this.offsets, this.length + rows + 1);
    return this.byteLength;
  }

  /** Ends the row at byte `end`, after the caller wrote it into reserved room. */
  close(end: number): void {
    this.byteLength = end;
    this.offsets[++this.length] = end;
  }

  truncate(rows: number): void {
    if (rows >= this.length) return;
    this.length = rows;
    this.byteLength = this.offsets[rows]!;
    if (this.#misalignedRow >= rows) this.#misalignedRow = -1;
  }

  finish(): Data<Utf8> {
    return makeData({
      type: new Utf8(),
      length: this.length,
      nullCount: 0,
      valueOffsets: this.offsets.subarray(0, this.length + 1),
      data: this.bytes.subarray(0, this.byteLength),
    });
  }

  byteSize(): number {
    return this.byteLength + 4 * this.length;
  }

  hasInvalidText(rows: number): boolean {
    if (rows >= this.length) return false;
    if (this.#misalignedRow >= rows) return true;
    return !isUtf8(this.bytes.subarray(this.offsets[rows]!, this.byteLength));
  }
}

const HEX_DIGITS = encoder.encode("0123456789abcdef");
