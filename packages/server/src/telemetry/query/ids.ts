import { isUuid } from "@spanloom/protocol";
import { type Parameters, queryError } from "./parameters.ts";

/** A condition that a column of 16-byte ids is one of these UUIDs. */
export function uuidsSql(column: string, ids: readonly string[], field: string, parameters: Parameters): string {
  const values = ids.map((id, i) => {
    if (!isUuid(id)) throw queryError("INVALID_FIELD", `${field}[${i}]`, `is "${id}", not a lower-case UUID`);
    return `unhex(${parameters.bind("String", id.replaceAll("-", ""))})`;
  });
  return inSql(column, values, 16);
}

/** A condition that a column of ids of `size` bytes is one of these hex texts. */
export function hexIdsSql(
  column: string,
  { ids, size, field }: { ids: readonly string[]; size: number; field: string },
  parameters: Parameters,
): string {
  const values = ids.map((id, i) => {
    if (id.length !== size * 2 || !/^[0-9a-f]+$/.test(id)) {
      throw queryError("INVALID_FIELD", `${field}[${i}]`, `is "${id}", not ${size * 2} lower-case hex digits`);
    }
    return `unhex(${parameters.bind("String", id)})`;
  });
  return inSql(column, values, size);
}

/** One value compares with `=`, which keeps the table's order usable; several become a set. */
function inSql(column: string, values: readonly string[], size: number): string {
  if (values.length === 1) return `${column} = toFixedString(${values[0]}, ${size})`;
  return `${column} IN (${values.map((value) => `toFixedString(${value}, ${size})`).join(", ")})`;
}
