/**
 * Attribute values from their text form to OTLP's JSON, which tells integers from floating point.
 *
 * Nested values are JSON of the server's own making: integers have no point, floating point always has a point or an
 * exponent, bytes are `{"$bytes":"<base64>"}`, not-a-number and infinities `{"$double":"NaN"}`, an empty value is null.
 * Keys of maps that are `$bytes` or `$double` have a `$` more than was sent.
 * They are rewritten as text: parsed, integers beyond 2^53 and repeated keys would be lost.
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
      return new NestedText(text).value();
    case "map":
      return new NestedText(text).map();
    case "empty":
      return "{}";
    default:
      return `{"stringValue":${JSON.stringify(text)}}`;
  }
}

const stringToken = /"(?:[^"\\]|\\.)*"/y;
const numberToken = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** A key with a `$` more than was sent. */
const escapedKey = /^"\$\$+(?:bytes|double)"$/;
const BYTES = '{"$bytes":';
const DOUBLE = '{"$double":';

/** A nested value, read once from left to right. */
class NestedText {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): string {
    switch (this.#text[this.#at]) {
      case '"':
        return `{"stringValue":${this.#token(stringToken)}}`;
      case "t":
        return this.#word("true", '{"boolValue":true}');
      case "f":
        return this.#word("false", '{"boolValue":false}');
      case "n":
        return this.#word("null", "{}");
      case "[":
        return this.#array();
      case "{":
        if (this.#text.startsWith(BYTES, this.#at)) return this.#marked(BYTES, "bytesValue");
        return this.#text.startsWith(DOUBLE, this.#at) ? this.#marked(DOUBLE, "doubleValue") : this.map();
      default:
        return this.#number();
    }
  }

  map(): string {
    return `{"kvlistValue":{"values":[${this.#items("}", () => {
      const token = this.#token(stringToken);
      const key = escapedKey.test(token) ? `"${token.slice(2)}` : token;
      this.#at++; // the colon
      return `{"key":${key},"value":${this.value()}}`;
    })}]}}`;
  }

  #array(): string {
    return `{"arrayValue":{"values":[${this.#items("]", () => this.value())}]}}`;
  }

  #items(closing: string, item: () => string): string {
    const items: string[] = [];
    this.#at++;
    while (this.#at < this.#text.length && this.#text[this.#at] !== closing) {
      items.push(item());
      if (this.#text[this.#at] === ",") this.#at++;
    }
    this.#at++;
    return items.join(",");
  }

  #marked(opening: string, field: string): string {
    this.#at += opening.length;
    const value = this.#token(stringToken);
    this.#at++;
    return `{"${field}":${value}}`;
  }

  #number(): string {
    const digits = this.#token(numberToken);
    return /[.eE]/.test(digits) ? `{"doubleValue":${digits}}` : `{"intValue":"${digits}"}`;
  }

  #word(word: string, json: string): string {
    this.#at += word.length;
    return json;
  }

  #token(token: RegExp): string {
    token.lastIndex = this.#at;
    const found = token.exec(this.#text)?.[0];
    if (found === undefined) throw new SyntaxError(`cannot read the nested value ${this.#text} at ${this.#at}`);
    this.#at += found.length;
    return found;
  }
}
