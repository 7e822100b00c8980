import { Duration, UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import { TriggerEvent } from "./trigger-event.ts";

/**
 * What an expression yielded as a value that JSON has, as CEL converts it.
 *
 * Integers beyond 2^53 become text, bytes base64, timestamps RFC 3339, durations seconds with an `s`. Values are shared in
 * what expressions yield and copied here: a little value may be very long JSON.
 *
 * Errors: TypeError naming where the value lies, for what JSON has nothing for; RangeError for more than some `maxBytes`.
 */
export function toJsonValue(value: unknown, maxBytes: number): unknown {
  return jsonOf(value, "result", { left: maxBytes, maxBytes });
}

/** What may still come, in bytes of JSON. */
interface Room {
  left: number;
  readonly maxBytes: number;
}

function jsonOf(value: unknown, path: string, room: Room): unknown {
  room.left -= typeof value === "string" ? value.length : 1;
  if (room.left < 0) throw new RangeError(`the input has more bytes than the limit ${room.maxBytes}`);
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
      return value === null ? null : objectToJson(value, path, room);
  }
  throw new TypeError(`${path} is ${typeof value === "number" ? value : typeof value}, which JSON has nothing for`);
}

function objectToJson(value: object, path: string, room: Room): unknown {
  if (Array.isArray(value)) return value.map((item, index) => jsonOf(item, `${path}[${index}]`, room));
  if (value instanceof Map) return fieldsToJson([...value], path, room);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64");
  if (value instanceof Date) return value.toISOString();
  if (value instanceof UnsignedInt) return jsonOf(value.value, path, room);
  if (value instanceof Duration) return value.toString();
  if (value instanceof TriggerEvent) {
    const { id, key, payload, metadata, received_at } = value;
    return fieldsToJson(Object.entries({ id, key, payload, metadata, received_at }), path, room);
  }
  if (value.constructor !== Object)
    throw new TypeError(`${path} is a ${value.constructor.name}, which JSON has nothing for`);
  return fieldsToJson(Object.entries(value), path, room);
}

function fieldsToJson(
  entries: readonly (readonly [unknown, unknown])[],
  path: string,
  room: Room,
): Record<string, unknown> {
  // Not by assignment: a field may be named __proto__.
  return Object.fromEntries(entries.map(([name, value]) => [String(name), jsonOf(value, `${path}.${name}`, room)]));
}
