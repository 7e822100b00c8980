import { type Data, DataType, type TimeUnit, type Utf8, Vector } from "apache-arrow";
import { dictionaryTexts, textValues } from "../text-values.ts";

/** Writes the value of a row as JSON. */
export type CellWriter = (row: number) => string;

/**
 * A writer of JSON for a column's data, decided once by its type; no object is made for a row.
 *
 * Timestamps are RFC 3339 in UTC with nanoseconds, integers are digits however large, maps and structs objects, lists
 * arrays, null and numbers that are not finite `null`.
 */
export function cellJson(data: Data): CellWriter {
  const write = writerOf(data);
  return data.nullCount === 0 ? write : (row) => (data.getValid(row) ? write(row) : "null");
}

function writerOf(data: Data): CellWriter {
  const { type } = data as { type: DataType };
  if (DataType.isDictionary(type)) return dictionaryJson(data);
  if (DataType.isTimestamp(type)) return timestampJson(data.values as BigInt64Array, type.unit);
  if (DataType.isInt(type)) return (row) => String(data.values[row]);
  if (DataType.isMap(type)) return mapJson(data);
  if (DataType.isList(type)) return listJson(data);
  if (DataType.isStruct(type)) return structJson(data);
  if (DataType.isUtf8(type)) {
    const textOf = textValues(data as Data<Utf8>);
    return (row) => JSON.stringify(textOf(row));
  }
  const vector = new Vector([data]);
  return (row) => JSON.stringify(vector.get(row)) ?? "null";
}

function dictionaryJson({ values, dictionary }: Data): CellWriter {
  const texts = dictionaryTexts(dictionary as Vector<Utf8>).map((value) => JSON.stringify(value));
  return (row) => texts[Number(values[row])] ?? "null";
}

const unitsPerSecond: Readonly<Record<TimeUnit, bigint>> = { 0: 1n, 1: 1_000n, 2: 1_000_000n, 3: 1_000_000_000n };

function timestampJson(values: BigInt64Array, unit: TimeUnit): CellWriter {
  const perSecond = unitsPerSecond[unit];
  const digits = unit * 3;
  return (row) => {
    const value = values[row]!;
    const rest = ((value % perSecond) + perSecond) % perSecond;
    const seconds = new Date(Number((value - rest) / perSecond) * 1000).toISOString().slice(0, -5);
    return digits === 0 ? `"${seconds}Z"` : `"${seconds}.${String(rest).padStart(digits, "0")}Z"`;
  };
}

function mapJson({ valueOffsets, children }: Data): CellWriter {
  const [keys, values] = (children[0] as Data).children as [Data, Data];
  const [keyJson, jsonOf] = [cellJson(keys), cellJson(values)];
  return (row) => {
    const entries: string[] = [];
    for (let i = valueOffsets[row]!; i < valueOffsets[row + 1]!; i++) entries.push(`${keyJson(i)}:${jsonOf(i)}`);
    return `{${entries.join(",")}}`;
  };
}

function listJson({ valueOffsets, children }: Data): CellWriter {
  const itemOf = cellJson(children[0] as Data);
  return (row) => {
    const items: string[] = [];
    for (let i = valueOffsets[row]!; i < valueOffsets[row + 1]!; i++) items.push(itemOf(i));
    return `[${items.join(",")}]`;
  };
}

function structJson({ type, children }: Data): CellWriter {
  const fields = type.children.map(({ name }, index) => ({
    key: JSON.stringify(name),
    jsonOf: cellJson(children[index]!),
  }));
  return (row) => `{${fields.map(({ key, jsonOf }) => `${key}:${jsonOf(row)}`).join(",")}}`;
}
