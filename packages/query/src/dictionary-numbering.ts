import { type Data, Dictionary, Int32, makeData, Utf8, type Vector } from "apache-arrow";
import { dictionaryTexts } from "./text-values.ts";
import { textVector } from "./text-vector.ts";

/**
 * One numbering of the values of many dictionaries, in the order they were first seen.
 *
 * Most streams repeat the dictionary of the one before, so that one is remembered with what it came to.
 */
export class DictionaryNumbering {
  readonly type: Dictionary<Utf8, Int32>;
  readonly #codes = new Map<string | null, number>();
  #lastDictionary: Vector | undefined;
  #lastMapping: Int32Array | undefined;

  constructor(id: number) {
    this.type = new Dictionary(new Utf8(), new Int32(), id);
  }

  /**
   * The data with this numbering's keys; a view where they are the same. It keeps its own dictionary.
   *
   * Keys of null rows mean nothing in the format, and may be any number: the engine's are -1. Those that are copied become
   * 0, with `clearNulls` all.
   */
  renumber(data: Data<Dictionary>, clearNulls = false): Data<Dictionary> {
    const dictionary = data.dictionary as Vector<Utf8>;
    const mapping = this.#mappingOf(dictionary);
    const keys = data.values as Int32Array | BigInt64Array;
    const same = mapping === undefined && keys instanceof Int32Array && !(clearNulls && data.nullCount > 0);
    const values = same ? keys : renumberKeys(keys, data.length, mapping ?? codesUpTo(dictionary.length));
    return makeData({
      type: this.type,
      offset: data.offset,
      length: data.length,
      nullCount: data.nullCount,
      nullBitmap: data.nullBitmap,
      data: values,
      dictionary,
    });
  }

  /** The values seen so far; each is decoded once, however many rows have it. */
  dictionary(): Vector<Utf8> {
    return textVector([...this.#codes.keys()]).memoize();
  }

  /** New code by old code; undefined when they are the same. */
  #mappingOf(dictionary: Vector<Utf8>): Int32Array | undefined {
    if (this.#lastDictionary && sameText(this.#lastDictionary, dictionary)) return this.#lastMapping;
    const mapping = Int32Array.from(dictionaryTexts(dictionary), (text) => this.#codeOf(text));
    const identical = mapping.every((code, old) => code === old);
    this.#lastDictionary = dictionary;
    this.#lastMapping = identical ? undefined : mapping;
    return this.#lastMapping;
  }

  #codeOf(value: string | null): number {
    const known = this.#codes.get(value);
    if (known !== undefined) return known;
    const code = this.#codes.size;
    this.#codes.set(value, code);
    return code;
  }
}

/** Codes that stay what they are. */
function codesUpTo(length: number): Int32Array {
  return Int32Array.from({ length }, (_, code) => code);
}

function renumberKeys(keys: ArrayLike<number | bigint>, length: number, mapping: Int32Array): Int32Array<ArrayBuffer> {
  const renumbered = new Int32Array(length);
  for (let row = 0; row < length; row++) renumbered[row] = mapping[Number(keys[row])] ?? 0;
  return renumbered;
}

/** Whether two dictionaries of one chunk each hold the same bytes; most streams repeat the one before. */
function sameText(a: Vector, b: Vector): boolean {
  if (a === b) return true;
  const [left, right] = [a.data[0], b.data[0]];
  if (!left || !right || a.data.length !== 1 || b.data.length !== 1 || a.length !== b.length) return false;
  if (left.nullCount > 0 || right.nullCount > 0) return false;
  return sameItems(left.valueOffsets, right.valueOffsets, a.length + 1) && sameItems(left.values, right.values);
}

function sameItems(a: ArrayLike<unknown>, b: ArrayLike<unknown>, length = Math.max(a.length, b.length)): boolean {
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}
