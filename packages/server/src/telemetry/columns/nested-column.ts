import { type Data, type DataType, Field, List, Map_, makeData, Struct, Utf8 } from "apache-arrow";
import { type Column, grownInt32 } from "./column.ts";
import { Utf8Column } from "./utf8-column.ts";

/** Up to this many keys a loop finds one faster than a map. */
const LOOP_KEYS = 32;

/** A column of maps from text to text: append to `keys` and `values` alike, then `closeRow`. Keys may repeat. */
export class MapColumn implements Column {
  length = 0;
  readonly keys = new Utf8Column();
  readonly values = new Utf8Column();
  #offsets = new Int32Array(257);
  /** Keys of the entries `[first, end)`, of a row with many. */
  #counted = { first: 0, end: 0, counts: new Map<string, number>() };
  /** A bit for each key of the open row; different keys may have the same. */
  #marks = 0;

  /** Ends a row with the entries appended since the row before. */
  closeRow(): void {
    if (this.length + 1 >= this.#offsets.length) this.#offsets = grownInt32(this.#offsets, this.length + 2);
    this.#offsets[++this.length] = this.keys.length;
    this.#marks = 0;
  }

  /** Appends `source[start, end)` to the keys. False when it is known to be the first of its kind in the open row. */
  appendKey(source: Uint8Array, start: number, end: number): boolean {
    // Of an empty key the bytes are what stands around it: any bit will do, as long as it is always the same.
    const mark =
      end === start ? 1 : 1 << ((7 * (end - start) + 3 * source[end - 1]! + source[(start + end) >> 1]!) & 31);
    const mayRepeat = (this.#marks & mark) !== 0;
    this.#marks |= mark;
    this.keys.append(source, start, end);
    return mayRepeat;
  }

  /** How often the open row has `source[start, end)` as a key. */
  countOpen(source: Uint8Array, start: number, end: number): number {
    const { bytes, offsets, length } = this.keys;
    const first = this.#offsets[this.length]!;
    if (length - first > LOOP_KEYS) return this.#openKeys(first).get(keyOf(source, start, end)) ?? 0;
    const size = end - start;
    // Keys of a kind begin alike and end apart.
    const last = source[end - 1];
    let count = 0;
    for (let i = first; i < length; i++) {
      const from = offsets[i]!;
      if (offsets[i + 1]! - from !== size || (size > 0 && bytes[from + size - 1] !== last)) continue;
      let at = 0;
      while (at < size && bytes[from + at] === source[start + at]) at++;
      if (at === size) count++;
    }
    return count;
  }

  /** How often each key is in the open row, which begins at entry `first`: brought up to date, not made anew. */
  #openKeys(first: number): Map<string, number> {
    const { bytes, offsets, length } = this.keys;
    if (this.#counted.first !== first || this.#counted.end > length)
      this.#counted = { first, end: first, counts: new Map() };
    const { counts, end } = this.#counted;
    for (let i = end; i < length; i++) {
      const key = keyOf(bytes, offsets[i]!, offsets[i + 1]!);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    this.#counted.end = length;
    return counts;
  }

  /** Appends an entry of two texts. */
  appendEntry(key: string, value: string): void {
    this.keys.appendText(key);
    this.values.appendText(value);
    this.#marks = -1;
  }

  /** Copies every entry of another column into the open row. */
  appendEntries(other: MapColumn): void {
    if (other.keys.length === 0) return;
    this.keys.appendAll(other.keys);
    this.values.appendAll(other.values);
    this.#marks |= other.#marks;
  }

  /** Whether the open row has a key of another column's entries. */
  hasAnyOf(other: MapColumn): boolean {
    return (this.#marks & other.#marks) !== 0 && this.#hasMore(other, 0);
  }

  /** Whether the open row, which has another column's entries, has one of their keys more than once. */
  repeatsAnyOf(other: MapColumn): boolean {
    return this.#hasMore(other, 1);
  }

  #hasMore({ keys: { bytes, offsets, length } }: MapColumn, count: number): boolean {
    for (let i = 0; i < length; i++) if (this.countOpen(bytes, offsets[i]!, offsets[i + 1]!) > count) return true;
    return false;
  }

  /** A column whose open row has the entries of this one's from entry `first` on. */
  copyOpen(first: number): MapColumn {
    const copy = new MapColumn();
    const { keys, values } = this;
    for (let i = first; i < keys.length; i++) {
      copy.appendKey(keys.bytes, keys.offsets[i]!, keys.offsets[i + 1]!);
      copy.values.append(values.bytes, values.offsets[i]!, values.offsets[i + 1]!);
    }
    return copy;
  }

  truncate(rows: number): void {
    const to = Math.min(rows, this.length);
    this.length = to;
    this.#marks = 0;
    if (this.#counted.end > 0) this.#counted = { first: 0, end: 0, counts: new Map() };
    this.keys.truncate(this.#offsets[to]!);
    this.values.truncate(this.#offsets[to]!);
  }

  finish(): Data<Map_> {
    const type = mapType();
    const entries = makeData({
      type: type.children[0]!.type as Struct,
      length: this.keys.length,
      nullCount: 0,
      children: [this.keys.finish(), this.values.finish()],
    });
    const valueOffsets = this.#offsets.subarray(0, this.length + 1);
    return makeData({ type, length: this.length, nullCount: 0, valueOffsets, child: entries });
  }

  byteSize(): number {
    return this.keys.byteSize() + this.values.byteSize() + 4 * this.length;
  }

  hasInvalidText(rows: number): boolean {
    if (rows > this.length) return false;
    const from = this.#offsets[rows]!;
    return this.keys.hasInvalidText(from) || this.values.hasInvalidText(from);
  }
}

/** A column of lists of structs: append to every child alike, then `closeRow`. */
export class StructListColumn<Children extends Record<string, Column>> implements Column {
  length = 0;
  readonly children: Children;
  readonly #all: readonly Column[];
  #offsets = new Int32Array(257);

  constructor(children: Children) {
    this.children = children;
    this.#all = Object.values(children);
  }

  /** Ends a row with the structs appended since the row before. */
  closeRow(): void {
    if (this.length + 1 >= this.#offsets.length) this.#offsets = grownInt32(this.#offsets, this.length + 2);
    this.#offsets[++this.length] = this.#all[0]!.length;
  }

  truncate(rows: number): void {
    const to = Math.min(rows, this.length);
    this.length = to;
    for (const child of this.#all) child.truncate(this.#offsets[to]!);
  }

  finish(): Data<List> {
    const children = this.#all.map((child) => child.finish());
    const names = Object.keys(this.children);
    const struct = new Struct(children.map((child, i) => new Field(names[i]!, child.type as DataType, false)));
    const child = makeData({ type: struct, length: this.#all[0]!.length, nullCount: 0, children });
    const type = new List(new Field("item", struct, false));
    const valueOffsets = this.#offsets.subarray(0, this.length + 1);
    return makeData({ type, length: this.length, nullCount: 0, valueOffsets, child });
  }

  byteSize(): number {
    return this.#all.reduce((sum, child) => sum + child.byteSize(), 4 * this.length);
  }

  hasInvalidText(rows: number): boolean {
    if (rows > this.length) return false;
    const from = this.#offsets[rows]!;
    return this.#all.some((child) => child.hasInvalidText(from));
  }
}

/** A key as text that differs where its bytes do. */
function keyOf(source: Uint8Array, start: number, end: number): string {
  return Buffer.from(source.buffer, source.byteOffset + start, end - start).toString("latin1");
}

function mapType(): Map_ {
  const entries = new Struct([new Field("key", new Utf8(), false), new Field("value", new Utf8(), false)]);
  return new Map_(new Field("entries", entries as never, false) as never);
}
