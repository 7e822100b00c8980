/**
 * Data of a case file before its variables have values: what a request is made from, or an answer compared with.
 *
 * `line` is where it stands in its file, from 1.
 */
export type Template =
  | { kind: "value"; value: string | number | boolean | null; line: number }
  | { kind: "list"; items: readonly Template[]; line: number }
  | { kind: "map"; entries: ReadonlyMap<string, Template>; line: number }
  | { kind: "tag"; tag: string; argument: Template; line: number };

/** JSON as it is sent, received and kept in variables. */
export type Json = string | number | boolean | null | Json[] | JsonObject;

/** A JSON object; a field that is undefined is absent. */
export interface JsonObject {
  [field: string]: Json | undefined;
}

/** Whether a value is an object, not a list. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
