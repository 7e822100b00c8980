import { DataType, type RecordBatch } from "apache-arrow";
import type { ChunkBatches } from "../read-arrow.ts";
import { type CellWriter, cellJson } from "./cell-json.ts";

/** Rows turned into text at a time, so that a batch of any size makes no string of any size. */
const ROWS_PER_PIECE = 4_096;

/** One JSON object a line; see cell-json.ts for how values are written. */
export async function* encodeJsonl(streams: AsyncIterable<ChunkBatches>): AsyncGenerator<string, void, undefined> {
  for await (const { batches } of streams) {
    for (const batch of batches) {
      const cells = columns(batch, (name, json) => {
        const key = `${JSON.stringify(name)}:`;
        return (row) => key + json(row);
      });
      yield* pieces(batch.numRows, (row) => `{${cells.map((cell) => cell(row)).join(",")}}\n`);
    }
  }
}

/**
 * Comma-separated values after RFC 4180, with a header.
 *
 * Null is empty, empty text is `""`; maps, lists and structs are JSON text; others as in cell-json.ts without quotes.
 */
export async function* encodeCsv(streams: AsyncIterable<ChunkBatches>): AsyncGenerator<string, void, undefined> {
  let started = false;
  for await (const { schema, batches } of streams) {
    if (!started) yield `${schema.fields.map(({ name }) => csvText(name)).join(",")}\n`;
    started = true;
    for (const batch of batches) {
      const cells = columns(batch, (_, json, type) => csvCell(json, type));
      yield* pieces(batch.numRows, (row) => `${cells.map((cell) => cell(row)).join(",")}\n`);
    }
  }
}

type MakeCell = (name: string, json: CellWriter, type: DataType) => CellWriter;

function columns({ schema, data }: RecordBatch, make: MakeCell): CellWriter[] {
  return schema.fields.map(({ name, type }, index) => make(name, cellJson(data.children[index]!), type));
}

function* pieces(rows: number, line: (row: number) => string): Generator<string> {
  for (let from = 0; from < rows; from += ROWS_PER_PIECE) {
    let text = "";
    for (let row = from; row < Math.min(rows, from + ROWS_PER_PIECE); row++) text += line(row);
    yield text;
  }
}

function csvCell(json: CellWriter, type: DataType): CellWriter {
  const isNested = DataType.isMap(type) || DataType.isList(type) || DataType.isStruct(type);
  return (row) => {
    const text = json(row);
    if (text === "null") return "";
    if (isNested) return csvText(text);
    return text.startsWith('"') ? csvText(JSON.parse(text) as string) : text;
  };
}

function csvText(text: string): string {
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
