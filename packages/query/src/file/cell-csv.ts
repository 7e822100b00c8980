import { type Data, DataType, type Utf8, type Vector } from "apache-arrow";
import { dictionaryTexts, textValues } from "../text-values.ts";
import { type CellWriter, cellJson } from "./cell-json.ts";

/**
 * A writer of CSV cells for a column's data, decided once by its type.
 *
 * Null is empty, empty text is `""`; maps, lists and structs are JSON text; others as in cell-json.ts without quotes.
 */
export function cellCsv(data: Data): CellWriter {
  const write = writerOf(data);
  return data.nullCount === 0 ? write : (row) => (data.getValid(row) ? write(row) : "");
}

function writerOf(data: Data): CellWriter {
  const { type } = data as { type: DataType };
  if (DataType.isDictionary(type)) {
    const texts = dictionaryTexts(data.dictionary as Vector<Utf8>).map((value) => csvText(String(value)));
    return (row) => texts[Number(data.values[row])] ?? "";
  }
  if (DataType.isUtf8(type)) {
    const textOf = textValues(data as Data<Utf8>);
    return (row) => csvText(textOf(row));
  }
  const json = cellJson(data);
  if (DataType.isTimestamp(type)) return (row) => json(row).slice(1, -1);
  const isNested = DataType.isMap(type) || DataType.isList(type) || DataType.isStruct(type);
  return isNested ? (row) => csvText(json(row)) : json;
}

/** Text as a cell: in quotes where it must be, and where it is empty, to tell it from null. */
export function csvText(text: string): string {
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
