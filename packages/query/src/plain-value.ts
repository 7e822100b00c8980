import { DataType } from "apache-arrow";

/** Turns a value as Arrow gives it into plain JavaScript. */
export type Convert = (value: unknown) => unknown;

/**
 * The conversion for a type: timestamps to Date, 64-bit integers to number, maps and structs to objects without a
 * prototype, lists to arrays; null stays null.
 *
 * Decided once for a column, so that a row pays for nothing its type does not need.
 */
export function plainValueOf(type: DataType): Convert {
  const convert = conversionOf(type);
  return convert
    ? (value) => (value === null || value === undefined ? null : convert(value))
    : (value) => value ?? null;
}

function conversionOf(type: DataType): Convert | undefined {
  // Arrow gives a timestamp as milliseconds with a fraction.
  if (DataType.isTimestamp(type)) return (value) => new Date(Math.floor(value as number));
  if (DataType.isInt(type) && type.bitWidth === 64) return (value) => Number(value);
  if (DataType.isMap(type)) return entriesOf(() => plainValueOf(type.valueType as DataType));
  if (DataType.isStruct(type)) {
    const fields = new Map(type.children.map((field) => [field.name, plainValueOf(field.type)]));
    return entriesOf((name) => fields.get(name)!);
  }
  if (DataType.isList(type)) {
    const item = plainValueOf(type.valueType as DataType);
    return (value) => Array.from(value as Iterable<unknown>, item);
  }
  return undefined;
}

function entriesOf(convertOf: (name: string) => Convert): Convert {
  return (value) => {
    // Without a prototype, an attribute called __proto__ is one like any other.
    const plain = Object.create(null) as Record<string, unknown>;
    for (const [name, inner] of value as Iterable<[string, unknown]>) plain[name] = convertOf(name)(inner);
    return plain;
  };
}
