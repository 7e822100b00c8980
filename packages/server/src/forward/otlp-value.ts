import type { AnyValue, KeyValue } from "@spanloom/protocol/otlp";

/**
 * Attribute values from the text in which they are stored to OTLP's.
 *
 * Nested values are JSON of the server's own making: integers have no point, floating point always has a point or an
 * exponent, bytes are `{"$bytes":"<base64>"}`, not-a-number and infinities `{"$double":"NaN"}`, an empty value is null.
 * Keys of maps that are `$bytes` or `$double` have a `$` more than was sent. Integers beyond 2^53 and keys that repeat
 * must come through, so it is not JSON.parse that reads them.
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
      return new NestedText(text).value();
    case "empty":
      return { case: undefined };
    default:
      return { case: "stringValue", value: text };
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

const stringToken = /"(?:[^"\\]|\\.)*"/y;
const numberToken = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** A key with a `$` more than was sent. */
const escapedKey = /^\$\$+(?:bytes|double)$/;
const BYTES = '{"$bytes":';
const DOUBLE = '{"$double":';

/** A nested value, read once from left to right. */
class NestedText {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): Value {
    switch (this.#text[this.#at]) {
      case '"':
        return { case: "stringValue", value: this.#string() };
      case "t":
        return this.#word("true", { case: "boolValue", value: true });
      case "f":
        return this.#word("false", { case: "boolValue", value: false });
      case "n":
        return this.#word("null", { case: undefined });
      case "[":
        return this.#array();
      case "{":
        return this.#object();
      default:
        return this.#number();
    }
  }

  #object(): Value {
    if (this.#text.startsWith(BYTES, this.#at)) return { case: "bytesValue", value: bytesOf(this.#marked(BYTES)) };
    if (this.#text.startsWith(DOUBLE, this.#at)) return { case: "doubleValue", value: Number(this.#marked(DOUBLE)) };
    const values = this.#items("}", () => {
      const key = this.#string();
      this.#at++; // the colon
      return keyValue(escapedKey.test(key) ? key.slice(1) : key, anyValue(this.value()));
    });
    return { case: "kvlistValue", value: { $typeName: "opentelemetry.proto.common.v1.KeyValueList", values } };
  }

  #array(): Value {
    const values = this.#items("]", () => anyValue(this.value()));
    return { case: "arrayValue", value: { $typeName: "opentelemetry.proto.common.v1.ArrayValue", values } };
  }

  #items<Item>(closing: string, item: () => Item): Item[] {
    const items: Item[] = [];
    this.#at++;
    while (this.#at < this.#text.length && this.#text[this.#at] !== closing) {
      items.push(item());
      if (this.#text[this.#at] === ",") this.#at++;
    }
    this.#at++;
    return items;
  }

  #marked(opening: string): string {
    this.#at += opening.length;
    const marked = this.#string();
    this.#at++;
    return marked;
  }

  #number(): Value {
    const digits = this.#token(numberToken);
    return /[.eE]/.test(digits)
      ? { case: "doubleValue", value: Number(digits) }
      : { case: "intValue", value: BigInt(digits) };
  }

  #string(): string {
    return JSON.parse(this.#token(stringToken)) as string;
  }

  #word(word: string, value: Value): Value {
    this.#at += word.length;
    return value;
  }

  #token(token: RegExp): string {
    token.lastIndex = this.#at;
    const found = token.exec(this.#text)?.[0];
    if (found === undefined) throw new SyntaxError(`cannot read the nested value ${this.#text} at ${this.#at}`);
    this.#at += found.length;
    return found;
  }
}
