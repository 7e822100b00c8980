import { createHash, randomBytes } from "node:crypto";
import { parseDurationMs } from "../cases/duration.ts";
import { isJsonObject, type Json, type JsonObject, type Template } from "../cases/template.ts";
import { encodeLogs, encodeTraces } from "./otlp-json.ts";
import { interpolate, type Scope } from "./scope.ts";

/** Data that cannot be made of what stands in a case file. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

type MakeValue = (argument: Json) => Json;

/** Tags that stand for values, and what they make of what stands after them. */
const makers: Readonly<Record<string, MakeValue>> = {
  // Bytes, as base64.
  text: (argument) => Buffer.from(asText(argument)).toString("base64"),
  json: (argument) => Buffer.from(JSON.stringify(argument)).toString("base64"),
  hex: (argument) => Buffer.from(asText(argument), "hex").toString("base64"),
  zeros: (argument) => Buffer.alloc(Number(argument)).toString("base64"),
  traces: (argument) => Buffer.from(encodeTraces(argument)).toString("base64"),
  logs: (argument) => Buffer.from(encodeLogs(argument)).toString("base64"),
  // Text and lists.
  repeat: (argument) => repeat(argument),
  uuid: () => newUuid(),
  random: (argument) => randomBytes(Number(argument)).toString("hex"),
  sha256: (argument) => createHash("sha256").update(asText(argument)).digest("hex"),
  // Times: so far from now.
  time: (argument) => new Date(Date.now() + msOf(argument)).toISOString(),
  nanos: (argument) => String(BigInt(Math.round(Date.now() + msOf(argument))) * 1_000_000n),
};

/** Tags that may stand in requests. */
export const valueTags: ReadonlySet<string> = new Set([...Object.keys(makers), "each"]);

/** Makes data of a template, with the variables' values as they are now. */
export function evaluate(template: Template, scope: Scope): Json {
  switch (template.kind) {
    case "value":
      return typeof template.value === "string" ? interpolate(template.value, scope) : template.value;
    case "list":
      return template.items.map((item) => evaluate(item, scope));
    case "map":
      return evaluateMap(template.entries, scope);
    case "tag":
      return template.tag === "each"
        ? evaluateEach(template.argument, scope)
        : make(template.tag, template.argument, scope);
  }
}

function make(tag: string, argument: Template, scope: Scope): Json {
  const maker = makers[tag];
  if (!maker) throw new ValueError(`!${tag} makes no value`);
  return maker(evaluate(argument, scope));
}

/** A field `<<` adds the fields of its value, which others of the same map replace. */
function evaluateMap(entries: ReadonlyMap<string, Template>, scope: Scope): JsonObject {
  const result: JsonObject = {};
  const spread = entries.get("<<");
  if (spread) {
    const value = evaluate(spread, scope);
    if (!isJsonObject(value)) throw new ValueError(`what << adds must be a map, is ${JSON.stringify(value)}`);
    Object.assign(result, value);
  }
  for (const [name, entry] of entries) {
    if (name !== "<<") result[String(interpolate(name, scope))] = evaluate(entry, scope);
  }
  return result;
}

/** `!each {times: 3, of: ...}`: a list of as many, in which `${at}` counts from 0. */
function evaluateEach(argument: Template, scope: Scope): Json {
  const parts = argument.kind === "map" ? argument.entries : new Map<string, Template>();
  const times = parts.get("times");
  const item = parts.get("of");
  if (!times || !item) throw new ValueError("!each takes the fields times and of");
  return Array.from({ length: Number(evaluate(times, scope)) }, (_, at) => evaluate(item, scope.within({ at })));
}

/** `!repeat {text: a, times: 3}` or `!repeat {item: ..., times: 3}`. */
function repeat(argument: Json): Json {
  const { text, item, times } = isJsonObject(argument) ? argument : {};
  const count = Number(times);
  if (!Number.isSafeInteger(count)) throw new ValueError("!repeat takes the field times, a whole number");
  return text !== undefined ? asText(text).repeat(count) : Array.from({ length: count }, () => item ?? null);
}

/** Text of a scalar. */
export function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function msOf(value: Json): number {
  const ms = value === null ? 0 : parseDurationMs(asText(value));
  if (ms === undefined) throw new ValueError(`${JSON.stringify(value)} is no duration such as 5s or -200ms`);
  return ms;
}

/** A UUIDv7. */
export function newUuid(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
