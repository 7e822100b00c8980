import { type NestedValueMaker, readNestedValue } from "@spanloom/protocol";

/**
 * Attribute values from their text form to OTLP's JSON, which tells integers from floating point.
 *
 * Source: opentelemetry/proto/common/v1/common.proto AnyValue; docs/schema.md, typed attributes.
 */

/** A value as OTLP's JSON of an AnyValue. */
export function otlpValue(text: string, type: string): string {
  switch (type) {
    case "bool":
      return `{"boolValue":${text}}`;
    case "int":
      return `{"intValue":"${text}"}`;
    case "double":
      return `{"doubleValue":${/[NI]/.test(text) ? `"${text}"` : text}}`;
    case "bytes":
      return `{"bytesValue":"${text}"}`;
    case "array":
    case "map":
      return readNestedValue(text, makeJson);
    case "empty":
      return "{}";
    default:
      return `{"stringValue":${JSON.stringify(text)}}`;
  }
}

/** Texts pass as the JSON they are. */
const makeJson: NestedValueMaker<string> = {
  text: (token) => `{"stringValue":${token}}`,
  bool: (value) => `{"boolValue":${value}}`,
  int: (digits) => `{"intValue":"${digits}"}`,
  double: (token) => `{"doubleValue":${token}}`,
  bytes: (token) => `{"bytesValue":${token}}`,
  empty: () => "{}",
  array: (items) => `{"arrayValue":{"values":[${items.join(",")}]}}`,
  map: (entries) => {
    const values = entries.map(([key, value]) => `{"key":${key},"value":${value}}`);
    return `{"kvlistValue":{"values":[${values.join(",")}]}}`;
  },
};
