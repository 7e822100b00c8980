import { SpanloomError } from "@spanloom/protocol";
import type { Environment } from "./environment.ts";
import type { OptionField, OptionFieldsByName } from "./option-fields.ts";

/** Where a value stands, for messages, and what references in it lead to. */
export interface FieldPlace {
  /** The file. */
  readonly file: string;
  /** The value in it: `exporters[0].options`; empty for all of it. */
  readonly path: string;
  readonly env: Environment;
}

/**
 * Reads an object that a configuration file gives: every name and every kind of value is checked, and references to the
 * environment are replaced by what they lead to.
 *
 * Errors: INVALID_FIELD naming file and path. A message quotes no value that came from the environment.
 */
export function readFields(value: unknown, fields: OptionFieldsByName, place: FieldPlace): Record<string, unknown> {
  if (!isObject(value)) throw wrong(place, value, "an object");
  const entries = Object.entries(value).map(([name, one]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) throw unknown(at(place, name), Object.keys(fields));
    return [name, readField(one, field, at(place, name))];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function readField(value: unknown, field: OptionField, place: FieldPlace): unknown {
  if (typeof field === "string") return readPlain(value, field, place);
  if ("fields" in field) return readFields(value, field.fields, place);
  if ("each" in field) return items(value, place).map((one, i) => readField(one, field.each, item(place, i)));
  return readChoice(value, field, place);
}

function readPlain(value: unknown, kind: Extract<OptionField, string>, place: FieldPlace): unknown {
  switch (kind) {
    case "any":
      return value;
    case "code":
      if (typeof value === "function" || isObject(value)) return value;
      break;
    case "text":
      return readText(value, place);
    case "list":
      return items(value, place).map((one, i) => readText(one, item(place, i)));
    case "texts":
      if (!isObject(value)) break;
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, readText(one, at(place, name))]));
    default:
      if (typeof value === kind) return value;
  }
  throw wrong(place, value, wanted[kind]);
}

/** In words, what each kind is. */
const wanted: Readonly<Record<Extract<OptionField, string>, string>> = {
  any: "anything",
  code: "an object or a function, as a program gives it",
  text: 'a text, or { "env": "NAME" }',
  list: "a list of texts",
  texts: "an object of texts",
  number: "a number",
  boolean: "true or false",
};

function readChoice(
  value: unknown,
  { oneOf, or }: Extract<OptionField, { oneOf: readonly string[] }>,
  place: FieldPlace,
): unknown {
  if (typeof value === "string" && oneOf.includes(value)) return value;
  if (or !== undefined && typeof value !== "string") return readField(value, or, place);
  const choices = oneOf.map((each) => `"${each}"`).join(", ");
  const other = typeof or === "string" ? `, or ${wanted[or]}` : "";
  throw wrong(place, value, `one of ${choices}${other}`);
}

/** A text, or what a reference leads to. */
function readText(value: unknown, place: FieldPlace): string {
  if (typeof value === "string") return value;
  if (!isObject(value) || Object.keys(value).join() !== "env" || typeof value.env !== "string")
    throw wrong(place, value, wanted.text);
  const found = place.env[value.env];
  if (!found) throw refuse(place, `refers to the variable ${value.env}, which is not set`);
  return found;
}

function items(value: unknown, place: FieldPlace): unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong(place, value, "a list");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function at(place: FieldPlace, name: string): FieldPlace {
  return { ...place, path: place.path === "" ? name : `${place.path}.${name}` };
}

function item(place: FieldPlace, index: number): FieldPlace {
  return { ...place, path: `${place.path}[${index}]` };
}

function unknown(place: FieldPlace, names: readonly string[]): SpanloomError {
  return refuse(place, `is not known; known are ${names.join(", ")}`);
}

function wrong(place: FieldPlace, value: unknown, must: string): SpanloomError {
  return refuse(place, `is ${said(value)}, but must be ${must}`);
}

/** A value in a message: texts as they are, of all else the kind. */
function said(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  return `a ${typeof value}`;
}

function refuse({ file, path }: FieldPlace, problem: string): SpanloomError {
  const field = path === "" ? "the file" : path;
  return new SpanloomError("INVALID_FIELD", `cannot use ${file}: ${field} ${problem}`, { field });
}
