import { type NestedValueMaker, readNestedValue } from "@spanloom/protocol";
import type { AnyValue, KeyValue } from "@spanloom/protocol/otlp";

/**
 * Attribute values from the text in which they are stored to OTLP's.
 *
 * Source: opentelemetry/proto/common/v1/common.proto AnyValue; docs/schema.md, typed attributes.
 */

type Value = AnyValue["value"];

/** A value of the type that `attribute_types` names; empty is text. */
export function toAnyValue(text: string, type: string): AnyValue {
  return anyValue(type === "" ? { case: "stringValue", value: text } : typedValue(text, type));
}

/** An attribute. */
export function keyValue(key: string, value: AnyValue): KeyValue {
  return { $typeName: "opentelemetry.proto.common.v1.KeyValue", key, value } as KeyValue;
}

function anyValue(value: Value): AnyValue {
  return { $typeName: "opentelemetry.proto.common.v1.AnyValue", value } as AnyValue;
}

function typedValue(text: string, type: string): Value {
  switch (type) {
    case "bool":
      return { case: "boolValue", value: text === "true" };
    case "int":
      return { case: "intValue", value: BigInt(text) };
    case "double":
      return { case: "doubleValue", value: Number(text) };
    case "bytes":
      return { case: "bytesValue", value: bytesOf(text) };
    case "array":
    case "map":
      return readNestedValue(text, makeValue);
    case "empty":
      return { case: undefined };
    default:
      return { case: "stringValue", value: text };
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

const makeValue: NestedValueMaker<Value> = {
  text: (token) => ({ case: "stringValue", value: JSON.parse(token) as string }),
  bool: (value) => ({ case: "boolValue", value }),
  int: (digits) => ({ case: "intValue", value: BigInt(digits) }),
  double: (token) => ({ case: "doubleValue", value: Number(token.startsWith('"') ? JSON.parse(token) : token) }),
  bytes: (token) => ({ case: "bytesValue", value: bytesOf(JSON.parse(token) as string) }),
  empty: () => ({ case: undefined }),
  array: (items) => ({
    case: "arrayValue",
    value: { $typeName: "opentelemetry.proto.common.v1.ArrayValue", values: items.map(anyValue) },
  }),
  map: (entries) => ({
    case: "kvlistValue",
    value: {
      $typeName: "opentelemetry.proto.common.v1.KeyValueList",
      values: entries.map(([key, value]) => keyValue(JSON.parse(key) as string, anyValue(value))),
    },
  }),
};
