import { SpanloomError } from "@spanloom/protocol";
import {
  Data,
  DataType,
  type Dictionary,
  Field,
  List,
  Map_,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  type Utf8,
  type Vector,
} from "apache-arrow";
import { DictionaryNumbering } from "./dictionary-numbering.ts";

/**
 * Gives record batches of different IPC streams one dictionary for each place that has one: a column, the keys or values
 * of a map, a field of a struct, items of a list, at any depth.
 *
 * Every IPC stream numbers the values of a dictionary its own way. Arrow readers that look at keys (Arquero, Parquet
 * and Arrow file writers) need one numbering.
 *
 * I1. The values of a place are numbered in the order they were first seen; a number never changes.
 * I2. Keys are copied only when they change: a batch whose numbering already agrees stays a view.
 * I3. All other buffers stay views.
 */
export class DictionaryUnifier {
  /** The schema of renumbered batches. */
  readonly schema: Schema;
  /** By the id of the dictionary. */
  readonly #numberings: DictionaryNumbering[] = [];
  readonly #columns: readonly Place[];
  readonly #clearNulls: boolean;
  /** The schema of the last batch, which was found to fit. */
  #known: Schema | undefined;

  /** With `clearNulls` every key is one of the dictionary, null or not, for readers that look at keys before nulls. */
  constructor(schema: Schema, { clearNulls = false }: { clearNulls?: boolean } = {}) {
    this.#clearNulls = clearNulls;
    this.#columns = schema.fields.map(({ type }) => this.#placeOf(type));
    const fields = schema.fields.map((field, index) => withType(field, this.#columns[index]!.type));
    this.schema = new Schema(fields, schema.metadata);
  }

  /**
   * A batch with its keys renumbered. Its dictionaries are incomplete until `complete` puts in the final ones.
   *
   * Errors: INTERNAL when the batch has other columns than the first, or columns of other types.
   */
  renumber(batch: RecordBatch): RecordBatch {
    if (batch.schema !== this.#known) requireSameShape(batch.schema.fields, this.schema.fields);
    this.#known = batch.schema;
    return this.#batch(batch, (data, numbering) => numbering.renumber(data, this.#clearNulls));
  }

  /** Renumbered batches with the dictionaries as they are by now. */
  complete(batches: readonly RecordBatch[]): RecordBatch[] {
    const dictionaries = this.dictionaries();
    return batches.map((batch) =>
      this.#batch(batch, (data, { type }) => {
        const { offset, length, nullCount } = data;
        return new Data(type, offset, length, nullCount, data, [], dictionaries.get(type.id)!);
      }),
    );
  }

  /** Values seen so far, by the id of the dictionary. */
  dictionaries(): Map<number, Vector<Utf8>> {
    return new Map(this.#numberings.map((numbering) => [numbering.type.id, numbering.dictionary()]));
  }

  #batch(batch: RecordBatch, change: Change): RecordBatch {
    const children = batch.data.children.map((child, index) => changed(child, this.#columns[index]!, change));
    const type = new Struct(this.schema.fields);
    return new RecordBatch(this.schema, makeData({ type, length: batch.numRows, nullCount: 0, children }));
  }

  #placeOf(type: DataType): Place {
    if (DataType.isDictionary(type)) {
      const numbering = new DictionaryNumbering(this.#numberings.length);
      this.#numberings.push(numbering);
      return { type: numbering.type, numbering, children: [] };
    }
    const children = isNested(type) ? type.children.map((field) => this.#placeOf(field.type)) : [];
    if (children.every(isPlain)) return { type, children: [] };
    return { type: withChildren(type, children), children };
  }
}

/** A column, or a part of a nested one. */
interface Place {
  /** Its type after renumbering. */
  readonly type: DataType;
  readonly numbering?: DictionaryNumbering;
  /** What it consists of; empty when no dictionary is in it. */
  readonly children: readonly Place[];
}

type Change = (data: Data<Dictionary>, numbering: DictionaryNumbering) => Data;

function changed(data: Data, place: Place, change: Change): Data {
  if (place.numbering) return change(data as Data<Dictionary>, place.numbering);
  if (place.children.length === 0) return data;
  const children = data.children.map((child, index) => changed(child, place.children[index]!, change));
  return new Data(place.type, data.offset, data.length, data.nullCount, data, children);
}

function isPlain({ numbering, children }: Place): boolean {
  return numbering === undefined && children.length === 0;
}

function isNested(type: DataType): boolean {
  return DataType.isMap(type) || DataType.isList(type) || DataType.isStruct(type);
}

function withChildren(type: DataType, children: readonly Place[]): DataType {
  const fields = type.children.map((field, index) => withType(field, children[index]!.type));
  if (DataType.isMap(type)) return new Map_(fields[0] as Field<Struct>, type.keysSorted);
  return DataType.isList(type) ? new List(fields[0]!) : new Struct(fields);
}

function withType(field: Field, type: DataType): Field {
  return type === field.type ? field : new Field(field.name, type, field.nullable, field.metadata);
}

/** Requires the same names and types; only the numbering of dictionaries and the width of their keys may differ. */
function requireSameShape(fields: readonly Field[], expected: readonly Field[]): void {
  if (sameShape(fields, expected)) return;
  throw new SpanloomError("INTERNAL", "cannot assemble Arrow: the columns changed within one answer");
}

function sameShape(fields: readonly Field[], expected: readonly Field[]): boolean {
  if (fields.length !== expected.length) return false;
  return fields.every(({ name, type }, index) => {
    const other = expected[index]!;
    if (name !== other.name || type.typeId !== other.type.typeId) return false;
    if (DataType.isDictionary(type)) return String(type.dictionary) === String((other.type as Dictionary).dictionary);
    return isNested(type) ? sameShape(type.children, other.type.children) : String(type) === String(other.type);
  });
}
