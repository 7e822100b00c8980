import { Duration, UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import { TriggerEvent } from "./trigger-event.ts";

/**
 * What an expression yielded as a value that JSON has, as CEL converts it.
 *
 * Integers beyond 2^53 become text, bytes base64, timestamps RFC 3339, durations seconds with an `s`.
 *
 * Errors: TypeError naming where the value lies, for what JSON has nothing for.
 */
export function toJsonValue(value: unknown, path = "result"): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value)) return value;
      break;
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
    case "object":
      return value === null ? null : objectToJson(value, path);
  }
  throw new TypeError(`${path} is ${typeof value === "number" ? value : typeof value}, which JSON has nothing for`);
}

function objectToJson(value: object, path: string): unknown {
  if (Array.isArray(value)) return value.map((item, index) => toJsonValue(item, `${path}[${index}]`));
  if (value instanceof Map) return fieldsToJson([...value], path);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64");
  if (value instanceof Date) return value.toISOString();
  if (value instanceof UnsignedInt) return toJsonValue(value.value, path);
  if (value instanceof Duration) return value.toString();
  if (value instanceof TriggerEvent) {
    const { id, key, payload, metadata, received_at } = value;
    return fieldsToJson(Object.entries({ id, key, payload, metadata, received_at }), path);
  }
  if (Object.getPrototypeOf(value) !== Object.prototype)
    throw new TypeError(`${path} is a ${value.constructor.name}, which JSON has nothing for`);
  return fieldsToJson(Object.entries(value), path);
}

function fieldsToJson(entries: readonly (readonly [unknown, unknown])[], path: string): Record<string, unknown> {
  // Not by assignment: a field may be named __proto__.
  return Object.fromEntries(entries.map(([name, value]) => [String(name), toJsonValue(value, `${path}.${name}`)]));
}
