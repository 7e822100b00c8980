import { bytesToHex } from "@spanloom/protocol";
import type { AnyValue, KeyValue } from "@spanloom/protocol/otlp";

/** An attribute value as JSON has it: integers beyond 2^53 as text, bytes as hex. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** An OTLP value as JSON. */
export function valueToJson(value: AnyValue | undefined): JsonValue {
  const inner = value?.value;
  switch (inner?.case) {
    case "intValue":
      return Number.isSafeInteger(Number(inner.value)) ? Number(inner.value) : String(inner.value);
    case "bytesValue":
      return bytesToHex(inner.value);
    case "arrayValue":
      return inner.value.values.map(valueToJson);
    case "kvlistValue":
      return attributesToJson(inner.value.values);
    case "doubleValue":
      return Number.isFinite(inner.value) ? inner.value : String(inner.value);
    case "stringValue":
    case "boolValue":
      return inner.value;
    default:
      return null;
  }
}

/** OTLP attributes as a JSON object. */
export function attributesToJson(attributes: readonly KeyValue[]): { [key: string]: JsonValue } {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueToJson(value)]));
}

/** The name of an enum's value; the number itself when it has none. */
export function enumName(names: Readonly<Record<string, unknown>>, number: number): string {
  return Object.entries(names).find(([, value]) => value === number)?.[0] ?? String(number);
}
