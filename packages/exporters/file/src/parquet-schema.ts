import type { ColumnSource, SchemaElement } from "hyparquet-writer";

/** How the values of a column are stored. */
export type ColumnKind = "text" | "json" | "time" | "int64" | "int32";

/** A column: how it is stored, and its value for one record; null when there is none. */
export interface Column<Source> {
  readonly kind: ColumnKind;
  readonly value: (source: Source) => unknown;
}

/** Columns by name, in order. */
export type Columns<Source> = Readonly<Record<string, Column<Source>>>;

const elements: Readonly<Record<ColumnKind, Omit<SchemaElement, "name">>> = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  json: { type: "BYTE_ARRAY", converted_type: "JSON" },
  time: { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" } },
  int64: { type: "INT64" },
  int32: { type: "INT32" },
};

/** The schema of a file with these columns; every one may be null. */
export function schemaOf(columns: Columns<never>): SchemaElement[] {
  const names = Object.keys(columns);
  return [
    { name: "schema", num_children: names.length },
    ...names.map((name): SchemaElement => ({ name, ...elements[columns[name]!.kind], repetition_type: "OPTIONAL" })),
  ];
}

/** The values of records, column by column. */
export function columnData<Source>(columns: Columns<Source>, sources: readonly Source[]): ColumnSource[] {
  return Object.entries(columns).map(([name, { value }]) => ({ name, data: sources.map(value) }));
}
