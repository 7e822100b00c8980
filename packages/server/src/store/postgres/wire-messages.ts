/** What may be bound to a parameter on the wire; an array becomes one of PostgreSQL's. */
export type BoundValue = null | undefined | number | string | boolean | Uint8Array | readonly (number | string)[];

const INITIAL_BYTES = 4096;
/** Bytes of a UTF-16 code unit in UTF-8, at most. */
const MAX_UTF8 = 3;

const code = (letter: string): number => letter.charCodeAt(0);
const [PARSE, BIND, DESCRIBE, EXECUTE, CLOSE, SYNC] = ["P", "B", "D", "E", "C", "S"].map(code) as [
  ...[number, number, number, number, number, number],
];

/**
 * Messages of PostgreSQL's extended query protocol, gathered in one buffer.
 *
 * Source: https://www.postgresql.org/docs/15/protocol-message-formats.html
 */
export class WireMessages {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;
  #start = 0;

  /** Prepares a statement under a name, whether or not that is taken. */
  prepare(name: string, text: string): void {
    this.#begin(CLOSE);
    this.#byte(code("S"));
    this.#text(name);
    this.#end();
    this.#begin(PARSE);
    this.#text(name);
    this.#text(text);
    this.#int16(0);
    this.#end();
  }

  /** Binds values to a prepared statement: bytes as they are, anything else as text. */
  bind(name: string, values: readonly BoundValue[]): void {
    this.#begin(BIND);
    this.#text("");
    this.#text(name);
    this.#int16(values.length);
    for (const value of values) this.#int16(value instanceof Uint8Array ? 1 : 0);
    this.#int16(values.length);
    for (const value of values) this.#value(value);
    this.#int16(0);
    this.#end();
  }

  /** Asks which columns the rows of the bound statement have. */
  describe(): void {
    this.#begin(DESCRIBE);
    this.#byte(code("P"));
    this.#text("");
    this.#end();
  }

  /** Executes the bound statement. */
  execute(): void {
    this.#begin(EXECUTE);
    this.#text("");
    this.#int32(0);
    this.#end();
  }

  /** Ends the batch: PostgreSQL answers, and takes statements again should one have failed. */
  sync(): void {
    this.#begin(SYNC);
    this.#end();
  }

  /** What was gathered. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #begin(type: number): void {
    this.#byte(type);
    this.#start = this.#length;
    this.#int32(0);
  }

  #end(): void {
    this.#bytes.writeInt32BE(this.#length - this.#start, this.#start);
  }

  #value(value: BoundValue): void {
    if (value === null || value === undefined) this.#int32(-1);
    else if (value instanceof Uint8Array) this.#raw(value);
    else this.#sizedText(typeof value === "object" ? arrayText(value) : String(value));
  }

  #raw(value: Uint8Array): void {
    this.#int32(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #sizedText(text: string): void {
    this.#reserve(4 + text.length * MAX_UTF8);
    const written = this.#bytes.write(text, this.#length + 4);
    this.#bytes.writeInt32BE(written, this.#length);
    this.#length += 4 + written;
  }

  #text(text: string): void {
    this.#reserve(text.length * MAX_UTF8 + 1);
    this.#length += this.#bytes.write(text, this.#length);
    this.#bytes[this.#length++] = 0;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #int16(value: number): void {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16BE(value, this.#length);
  }

  #int32(value: number): void {
    this.#reserve(4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

function arrayText(list: readonly (number | string)[]): string {
  return `{${list.map((item) => `"${String(item).replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
