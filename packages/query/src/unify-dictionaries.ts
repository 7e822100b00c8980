import { SpanloomError } from "@spanloom/protocol";
import {
  type Data,
  DataType,
  Dictionary,
  Field,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";

/**
 * Gives record batches of different IPC streams one dictionary for each dictionary column.
 *
 * Every IPC stream numbers the values of a dictionary its own way. Arrow readers that look at keys (Arquero, Parquet
 * and Arrow file writers) need one numbering.
 *
 * I1. A column's values are numbered in the order they were first seen; a number never changes.
 * I2. Keys are copied only when they change: a batch whose numbering already agrees stays a view.
 * I3. All other columns stay views.
 */
export class DictionaryUnifier {
  /** The schema of renumbered batches. */
  readonly schema: Schema;
  readonly #columns: readonly (UnifiedColumn | undefined)[];

  constructor(schema: Schema) {
    this.#columns = schema.fields.map(({ type }, id) =>
      DataType.isDictionary(type) ? new UnifiedColumn(id) : undefined,
    );
    const fields = schema.fields.map((field, index) => {
      const type = this.#columns[index]?.type;
      return type ? new Field(field.name, type, field.nullable, field.metadata) : field;
    });
    this.schema = new Schema(fields, schema.metadata);
  }

  /**
   * A batch with its keys renumbered. Its dictionaries are incomplete until `complete` puts in the final ones.
   *
   * Errors: INTERNAL when the batch has other columns than the first.
   */
  renumber(batch: RecordBatch): RecordBatch {
    const { fields } = batch.schema;
    if (
      fields.length !== this.schema.fields.length ||
      fields.some(({ name }, i) => name !== this.schema.fields[i]!.name)
    )
      throw new SpanloomError("INTERNAL", "cannot assemble Arrow: the columns changed within one answer");
    return this.#batch(batch, (data, column) => column.renumber(data));
  }

  /** Renumbered batches with the dictionaries as they are by now. */
  complete(batches: readonly RecordBatch[]): RecordBatch[] {
    const dictionaries = this.dictionaries();
    return batches.map((batch) =>
      this.#batch(batch, (data, { type }) => withDictionary(data, type, dictionaries.get(type.id)!)),
    );
  }

  /** Values seen so far, by the id of the dictionary. */
  dictionaries(): Map<number, Vector<Utf8>> {
    const columns = this.#columns.filter((column) => column !== undefined);
    return new Map(columns.map((column) => [column.type.id, column.dictionary()]));
  }

  #batch(batch: RecordBatch, change: (data: Data<Dictionary>, column: UnifiedColumn) => Data): RecordBatch {
    const children = batch.data.children.map((child, index) => {
      const column = this.#columns[index];
      return column ? change(child as Data<Dictionary>, column) : child;
    });
    const type = new Struct(this.schema.fields);
    return new RecordBatch(this.schema, makeData({ type, length: batch.numRows, nullCount: 0, children }));
  }
}

/** The numbering of one column. */
class UnifiedColumn {
  readonly type: Dictionary<Utf8, Int32>;
  readonly #codes = new Map<string | null, number>();
  #lastDictionary: Vector | undefined;
  #lastMapping: Int32Array | undefined;

  constructor(id: number) {
    this.type = new Dictionary(new Utf8(), new Int32(), id);
  }

  renumber(data: Data<Dictionary>): Data<Dictionary> {
    const dictionary = data.dictionary as Vector<Utf8>;
    const mapping = this.#mappingOf(dictionary);
    const keys = data.values as Int32Array | BigInt64Array;
    const values =
      mapping === undefined && keys instanceof Int32Array ? keys : renumberKeys(keys, data.length, mapping);
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

  dictionary(): Vector<Utf8> {
    return vectorFromArray([...this.#codes.keys()], new Utf8());
  }

  /** New code by old code; undefined when they are the same. */
  #mappingOf(dictionary: Vector<Utf8>): Int32Array | undefined {
    if (this.#lastDictionary && sameText(this.#lastDictionary, dictionary)) return this.#lastMapping;
    const mapping = new Int32Array(dictionary.length);
    let identical = true;
    for (let old = 0; old < mapping.length; old++) {
      const code = this.#codeOf(dictionary.get(old));
      mapping[old] = code;
      identical &&= code === old;
    }
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

/** Keys of null rows are undefined by the format, and may lie outside the dictionary; they become 0. */
function renumberKeys(
  keys: ArrayLike<number | bigint>,
  length: number,
  mapping: Int32Array | undefined,
): Int32Array<ArrayBuffer> {
  const renumbered = new Int32Array(length);
  if (mapping === undefined) for (let row = 0; row < length; row++) renumbered[row] = Number(keys[row]);
  else for (let row = 0; row < length; row++) renumbered[row] = mapping[Number(keys[row])] ?? 0;
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

function withDictionary(data: Data<Dictionary>, type: Dictionary<Utf8, Int32>, dictionary: Vector<Utf8>): Data {
  const { offset, length, nullCount, nullBitmap, values } = data;
  return makeData({ type, offset, length, nullCount, nullBitmap, data: values as Int32Array, dictionary });
}
