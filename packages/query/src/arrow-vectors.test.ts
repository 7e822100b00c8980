import { readFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { ArrowChunkSchema } from "@spanloom/protocol";
import { type DataType, DataType as Type, type Vector } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { readVectors } from "./testing/vectors.ts";
import { toArrowTable } from "./to-arrow.ts";

interface ArrowVector {
  columns: { name: string; type: string }[];
  rows: Record<string, unknown>[];
}

const vectors = readVectors<Record<"spans" | "logs", ArrowVector>>("arrow");

async function* answer(name: string) {
  const file = new URL(`../../../conformance/vectors/${name}.arrows`, import.meta.url);
  yield create(ArrowChunkSchema, { ipc: readFileSync(file) });
}

function nameOf(type: DataType): string {
  if (Type.isDictionary(type)) return "dict";
  if (Type.isTimestamp(type)) return `timestamp[${["s", "ms", "us", "ns"][type.unit]}, ${type.timezone}]`;
  const fields = (type.children ?? []).map(({ name, type: own }) => ({ name, type: nameOf(own) }));
  if (Type.isMap(type)) {
    const [key, value] = type.children[0]!.type.children;
    return `map<${nameOf(key!.type)}, ${nameOf(value!.type)}>`;
  }
  if (Type.isList(type)) return `list<${fields[0]!.type}>`;
  if (Type.isStruct(type)) return `struct<${fields.map((field) => `${field.name}: ${field.type}`).join(", ")}>`;
  return String(type).toLowerCase();
}

/** The values of a column as the vectors write them. */
function plainRows(vector: Vector): unknown[] {
  const { type } = vector;
  return Array.from({ length: vector.length }, (_, row) => {
    if (!vector.isValid(row)) return null;
    if (Type.isTimestamp(type)) return String(vector.data[0]!.values[row]);
    const value = vector.get(row);
    if (Type.isMap(type)) return Object.fromEntries(value);
    if (Type.isList(type)) return plainStructs(value);
    return typeof value === "bigint" ? String(value) : value;
  });
}

function plainStructs(items: Vector): Record<string, unknown>[] {
  const columns = items.type.children.map(({ name }: { name: string }, index: number) => ({
    name,
    values: plainRows(items.getChildAt(index)!),
  }));
  return Array.from({ length: items.length }, (_, row) =>
    Object.fromEntries(columns.map(({ name, values }: { name: string; values: unknown[] }) => [name, values[row]])),
  );
}

describe.each(["spans", "logs"] as const)("an answer of %s, as every client reads it", (name) => {
  it("has the columns of the documentation, in their order", async () => {
    const { schema } = await toArrowTable(answer(name));
    expect(schema.fields.map((field) => ({ name: field.name, type: nameOf(field.type) }))).toEqual(
      vectors[name].columns,
    );
  });

  it("has the rows that were sent, to the nanosecond and with the types of attributes", async () => {
    const table = await toArrowTable(answer(name));
    const columns = table.schema.fields.map((field) => ({
      name: field.name,
      values: plainRows(table.getChild(field.name)!),
    }));
    const rows = vectors[name].rows.map((_, row) =>
      Object.fromEntries(columns.map((each) => [each.name, each.values[row]])),
    );
    expect(table.numRows).toBe(vectors[name].rows.length);
    expect(rows).toEqual(vectors[name].rows);
  });
});
