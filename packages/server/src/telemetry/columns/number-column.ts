import { type Data, Int64, makeData, TimestampNanosecond, Uint32, Uint64 } from "apache-arrow";
import { type Column, grownInt32 } from "./column.ts";

/** A column of unsigned 32-bit integers. */
export class Uint32Column implements Column {
  length = 0;
  #values = new Int32Array(256);

  /** Appends a value; the low 32 bits count. */
  append(value: number): void {
    if (this.length === this.#values.length) this.#values = grownInt32(this.#values, this.length + 1);
    this.#values[this.length++] = value | 0;
  }

  /** Appends a value until there are `rows`. */
  fillTo(rows: number, value: number): void {
    if (rows <= this.length) return;
    if (rows > this.#values.length) this.#values = grownInt32(this.#values, rows);
    this.#values.fill(value | 0, this.length, rows);
    this.length = rows;
  }

  truncate(rows: number): void {
    if (rows < this.length) this.length = rows;
  }

  finish(): Data<Uint32> {
    const data = new Uint32Array(this.#values.buffer, 0, this.length);
    return makeData({ type: new Uint32(), length: this.length, nullCount: 0, data });
  }

  byteSize(): number {
    return 4 * this.length;
  }

  hasInvalidText(): boolean {
    return false;
  }
}

/** What a 64-bit column holds. */
export type LongKind = "int64" | "uint64" | "timestamp";

/** A column of 64-bit integers, written as two 32-bit halves so that no bigint is made per value. */
export class LongColumn implements Column {
  length = 0;
  readonly kind: LongKind;
  #words = new Int32Array(512);

  constructor(kind: LongKind) {
    this.kind = kind;
  }

  /** Appends a value by its halves. */
  append(low: number, high: number): void {
    const at = this.length++ * 2;
    if (at + 2 > this.#words.length) this.#words = grownInt32(this.#words, at + 2);
    this.#words[at] = low | 0;
    this.#words[at + 1] = high | 0;
  }

  /** Appends a bigint. */
  appendBigint(value: bigint): void {
    this.append(Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn));
  }

  truncate(rows: number): void {
    if (rows < this.length) this.length = rows;
  }

  finish(): Data<Int64 | Uint64 | TimestampNanosecond> {
    const { length } = this;
    if (this.kind === "uint64") {
      const data = new BigUint64Array(this.#words.buffer, 0, length);
      return makeData({ type: new Uint64(), length, nullCount: 0, data });
    }
    const data = new BigInt64Array(this.#words.buffer, 0, length);
    if (this.kind === "int64") return makeData({ type: new Int64(), length, nullCount: 0, data });
    return makeData({ type: new TimestampNanosecond("UTC"), length, nullCount: 0, data });
  }

  byteSize(): number {
    return 8 * this.length;
  }

  hasInvalidText(): boolean {
    return false;
  }
}
