import { type AttributeColumn, ColumnType } from "@spanloom/protocol";
import { type Parameters, queryError } from "./parameters.ts";

const attributeTypes: Record<ColumnType, { convert: (value: string) => string; types: string }> = {
  [ColumnType.UNSPECIFIED]: { convert: (value) => value, types: "" },
  [ColumnType.STRING]: { convert: (value) => value, types: "" },
  [ColumnType.INT64]: { convert: (value) => `toInt64OrNull(${value})`, types: "'int'" },
  [ColumnType.FLOAT64]: { convert: (value) => `toFloat64OrNull(${value})`, types: "'int', 'double'" },
  [ColumnType.BOOL]: { convert: (value) => `toBool(${value} = 'true')`, types: "'bool'" },
};

/** An attribute's value in the type asked for; null where it is absent or of another type. */
export function attributeColumnSql(
  { key, type, resource }: AttributeColumn,
  field: string,
  parameters: Parameters,
): string {
  const kind = attributeTypes[type];
  if (!kind) throw queryError("INVALID_FIELD", `${field}.type`, `is ${type}, which is unknown`);
  const prefix = resource ? "resource_" : "";
  const bound = parameters.bind("String", key);
  // A resource's are stored as dictionaries; whatever an attribute is of, its column has one type.
  const value = resource ? `toString(resource_attributes[${bound}])` : `attributes[${bound}]`;
  const typed = kind.types === "" ? "" : ` AND ${prefix}attribute_types[${bound}] IN (${kind.types})`;
  const present = `mapContains(${prefix}attributes, ${bound})${typed}`;
  return `if(${present}, ${kind.convert(value)}, NULL)`;
}

/** Checks a column name of the caller's choice. It is the one text that has to stand in SQL, so its alphabet is closed. */
export function checkName(name: string, field: string): void {
  if (!/^[A-Za-z0-9_.:/-]{1,128}$/.test(name)) {
    throw queryError("INVALID_FIELD", `${field}.as`, `is "${name}", not 1 to 128 of A-Z a-z 0-9 _ . : / -`);
  }
}

/** A checked column name as it stands in SQL. */
export function identifier(name: string, field: string): string {
  checkName(name, field);
  return `\`${name}\``;
}
