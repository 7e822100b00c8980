import { isUuid } from "@spanloom/protocol";
import { type Parameters, queryError } from "./parameters.ts";

/** Refuses an id that is none, of a field that holds one. */
export function checkUuid(id: string, field: string): void {
  if (!isUuid(id)) throw queryError("INVALID_FIELD", field, `is "${id}", not a lower-case UUID`);
}

/** A condition that a column of 16-byte ids is one of these UUIDs. */
export function uuidsSql(column: string, ids: readonly string[], field: string, parameters: Parameters): string {
  const digits = ids.map((id, i) => {
    checkUuid(id, `${field}[${i}]`);
    return id.replaceAll("-", "");
  });
  return inSql(column, digits, 16, parameters);
}

/** A condition that a column of ids of `size` bytes is one of these hex texts. */
export function hexIdsSql(
  column: string,
  { ids, size, field }: { ids: readonly string[]; size: number; field: string },
  parameters: Parameters,
): string {
  for (const [i, id] of ids.entries()) {
    if (id.length !== size * 2 || !/^[0-9a-f]+$/.test(id)) {
      throw queryError("INVALID_FIELD", `${field}[${i}]`, `is "${id}", not ${size * 2} lower-case hex digits`);
    }
  }
  return inSql(column, ids, size, parameters);
}

/** One value compares with `=`, which keeps the table's order usable; several become a set, whatever their number. */
function inSql(column: string, digits: readonly string[], size: number, parameters: Parameters): string {
  if (digits.length === 1) return `${column} = toFixedString(unhex(${parameters.bind("String", digits[0]!)}), ${size})`;
  const all = parameters.bind("Array(String)", digits);
  return `${column} IN (arrayMap(id -> toFixedString(unhex(id), ${size}), ${all}))`;
}
