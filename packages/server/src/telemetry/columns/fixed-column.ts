import { type Data, FixedSizeBinary, makeData } from "apache-arrow";
import { type Column, grownUint8 } from "./column.ts";

const DASH = 45;

/** A column of values of `width` bytes; all zero stands for none. */
export class FixedColumn implements Column {
  length = 0;
  readonly width: number;
  bytes: Uint8Array<ArrayBuffer>;

  constructor(width: number) {
    this.width = width;
    this.bytes = new Uint8Array(width * 256);
  }

  /** Appends `width` bytes of `source` from `start`. */
  append(source: Uint8Array, start: number): void {
    const at = this.#next();
    for (let i = 0; i < this.width; i++) this.bytes[at + i] = source[start + i]!;
  }

  /** Appends none. */
  appendNone(): void {
    const at = this.#next();
    this.bytes.fill(0, at, at + this.width);
  }

  /** Appends hex text, dashes ignored, as in a UUID. The caller has checked it. */
  appendHexText(text: string): void {
    const at = this.#next();
    const { bytes, width } = this;
    let from = 0;
    for (let i = 0; i < width; i++) {
      if (text.charCodeAt(from) === DASH) from++;
      bytes[at + i] = (HEX_VALUES[text.charCodeAt(from)]! << 4) | HEX_VALUES[text.charCodeAt(from + 1)]!;
      from += 2;
    }
  }

  #next(): number {
    const at = this.length++ * this.width;
    if (at + this.width > this.bytes.length) this.bytes = grownUint8(this.bytes, at + this.width);
    return at;
  }

  truncate(rows: number): void {
    if (rows < this.length) this.length = rows;
  }

  finish(): Data<FixedSizeBinary> {
    return makeData({
      type: new FixedSizeBinary(this.width),
      length: this.length,
      nullCount: 0,
      data: this.bytes.subarray(0, this.length * this.width),
    });
  }

  byteSize(): number {
    return this.length * this.width;
  }

  hasInvalidText(): boolean {
    return false;
  }
}

/** Value of a hex digit by char code; -1 when it is none. */
export function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  return code >= 65 && code <= 70 ? code - 55 : -1;
}

/** Values of hex digits by ASCII code. */
const HEX_VALUES = Int8Array.from({ length: 128 }, (_, code) => hexValue(code));
