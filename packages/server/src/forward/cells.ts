import type { KeyValue } from "@spanloom/protocol/otlp";
import { type Data, DataType, type RecordBatch, type Vector } from "apache-arrow";
import { keyValue, toAnyValue } from "./otlp-value.ts";

/** The columns of a batch, or the fields of a struct, by name, each as a reader of a row's value. */
export interface Cells {
  text(name: string): (row: number) => string;
  count(name: string): (row: number) => number;
  /** A column of 64 bits. */
  long(name: string): (row: number) => bigint;
  /** A column of so many bytes each. */
  bytes(name: string, size: number): (row: number) => Uint8Array<ArrayBuffer>;
  /** A map of attributes with the one that has their types. */
  attributes(prefix?: string): (row: number) => KeyValue[];
  /** A list of structs. */
  list<Item>(name: string, readerOf: (items: Cells) => (item: number) => Item): (row: number) => Item[];
}

/** Cells of a batch. */
export function cellsOf({ data }: RecordBatch): Cells {
  return structCells(data);
}

function structCells({ type, children }: Data): Cells {
  const names: string[] = type.children.map(({ name }: { name: string }) => name);
  const data = (name: string): Data => {
    const found = children[names.indexOf(name)];
    if (!found) throw new Error(`no column "${name}" among ${names.join(", ")}`);
    return found;
  };
  return {
    text: (name) => textsOf(data(name)),
    count(name) {
      const { values } = data(name);
      return (row) => Number(values[row]);
    },
    long(name) {
      const values = data(name).values as BigInt64Array;
      return (row) => values[row]!;
    },
    bytes(name, size) {
      const { values } = data(name);
      return (row) => new Uint8Array(values.subarray(row * size, (row + 1) * size));
    },
    attributes: (prefix = "") => attributesOf(data(`${prefix}attributes`), data(`${prefix}attribute_types`)),
    list(name, readerOf) {
      const { items, from } = itemsOf(data(name));
      const read = readerOf(structCells(items));
      return (row) => rangeOf(from(row), from(row + 1), read);
    },
  };
}

function rangeOf<Item>(from: number, until: number, read: (item: number) => Item): Item[] {
  const range: Item[] = [];
  for (let i = from; i < until; i++) range.push(read(i));
  return range;
}

/** The items of a list or map column: those of row r are `from(r) .. from(r + 1)`. */
function itemsOf(column: Data): { items: Data; from: (row: number) => number } {
  const { valueOffsets } = column;
  return { items: column.children[0] as Data, from: (row) => Number(valueOffsets[row]) };
}

/** Texts of a dictionary, each decoded once. */
const dictionaries = new WeakMap<Vector, string[]>();

function textsOf(column: Data): (row: number) => string {
  if (DataType.isDictionary(column.type) && column.dictionary) {
    const dictionary = column.dictionary as Vector;
    const texts = dictionaries.get(dictionary) ?? decodeAll(dictionary);
    dictionaries.set(dictionary, texts);
    const keys = column.values as ArrayLike<number | bigint>;
    return (row) => texts[Number(keys[row])] ?? "";
  }
  const { values, valueOffsets } = column;
  const bytes = Buffer.from(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
  return (row) => bytes.toString("utf8", Number(valueOffsets[row]), Number(valueOffsets[row + 1]));
}

function decodeAll(dictionary: Vector): string[] {
  return dictionary.data.flatMap((data) => rangeOf(0, data.length, textsOf(data)));
}

function attributesOf(values: Data, types: Data): (row: number) => KeyValue[] {
  const { items, from } = itemsOf(values);
  const [key, text] = [textsOf(items.children[0]!), textsOf(items.children[1]!)];
  const typesAt = typesOf(types);
  return (row) => {
    const known = typesAt(row);
    const typeOf = (name: string) => {
      const type = known?.get(name);
      return (Array.isArray(type) ? type.shift() : type) ?? "";
    };
    return rangeOf(from(row), from(row + 1), (i) => {
      const name = key(i);
      return keyValue(name, toAnyValue(text(i), typeOf(name)));
    });
  };
}

/** Types of a row's attributes by key, of a key that repeats those of its values in turn; undefined when all are text. */
function typesOf(types: Data): (row: number) => Map<string, string | string[]> | undefined {
  const { items, from } = itemsOf(types);
  const [key, type] = [textsOf(items.children[0]!), textsOf(items.children[1]!)];
  return (row) => {
    if (from(row) === from(row + 1)) return undefined;
    const known = new Map<string, string | string[]>();
    for (let i = from(row); i < from(row + 1); i++) {
      const before = known.get(key(i));
      known.set(key(i), before === undefined ? type(i) : [before, type(i)].flat());
    }
    return known;
  };
}
