/**
 * Nested attribute values, arrays and maps, as the text in which they are stored and given in answers.
 *
 * The text is JSON of the server's own making: integers have no point, floating point always has a point or an exponent,
 * bytes are `{"$bytes":"<base64>"}`, not-a-number and infinities `{"$double":"NaN"}`, an empty value is null. Keys of maps
 * that are `$bytes` or `$double` have a `$` more than was sent. Integers beyond 2^53 and keys that repeat must come
 * through, so it is not JSON.parse that reads them.
 *
 * Source: opentelemetry/proto/common/v1/common.proto AnyValue; docs/schema.md, typed attributes.
 */

/** Makes values of what a text says. Texts are given as the JSON they are, with their quotes. */
export interface NestedValueMaker<Value> {
  text(token: string): Value;
  bool(value: boolean): Value;
  int(digits: string): Value;
  /** A number, or in quotes one that JSON does not have. */
  double(token: string): Value;
  /** Base64 in quotes. */
  bytes(token: string): Value;
  empty(): Value;
  array(items: Value[]): Value;
  /** Keys as they were sent. */
  map(entries: [key: string, value: Value][]): Value;
}

/** The value that a text says. Errors: SyntaxError for text that no server made. */
export function readNestedValue<Value>(text: string, maker: NestedValueMaker<Value>): Value {
  return new NestedText(text, maker).value();
}

const stringToken = /"(?:[^"\\]|\\.)*"/y;
const numberToken = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** A key with a `$` more than was sent. */
const escapedKey = /^"\$\$+(?:bytes|double)"$/;
const BYTES = '{"$bytes":';
const DOUBLE = '{"$double":';

/** A nested value, read once from left to right. */
class NestedText<Value> {
  readonly #text: string;
  readonly #maker: NestedValueMaker<Value>;
  #at = 0;

  constructor(text: string, maker: NestedValueMaker<Value>) {
    this.#text = text;
    this.#maker = maker;
  }

  value(): Value {
    switch (this.#text[this.#at]) {
      case '"':
        return this.#maker.text(this.#token(stringToken));
      case "t":
        return this.#word("true", this.#maker.bool(true));
      case "f":
        return this.#word("false", this.#maker.bool(false));
      case "n":
        return this.#word("null", this.#maker.empty());
      case "[":
        return this.#maker.array(this.#items("]", () => this.value()));
      case "{":
        return this.#object();
      default:
        return this.#number();
    }
  }

  #object(): Value {
    if (this.#text.startsWith(BYTES, this.#at)) return this.#maker.bytes(this.#marked(BYTES));
    if (this.#text.startsWith(DOUBLE, this.#at)) return this.#maker.double(this.#marked(DOUBLE));
    const entries = this.#items("}", (): [string, Value] => {
      const token = this.#token(stringToken);
      this.#at++; // the colon
      return [escapedKey.test(token) ? `"${token.slice(2)}` : token, this.value()];
    });
    return this.#maker.map(entries);
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
    const token = this.#token(stringToken);
    this.#at++;
    return token;
  }

  #number(): Value {
    const digits = this.#token(numberToken);
    return /[.eE]/.test(digits) ? this.#maker.double(digits) : this.#maker.int(digits);
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
