import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import { CaseFileError } from "./case-file-error.ts";
import { parseDurationMs } from "./duration.ts";
import type { Template } from "./template.ts";

/** A place in a case file, read by the shape that is expected there; whatever differs is an error with file, line and field. */
export class Cursor {
  readonly file: string;
  /** Path of the field, e.g. `cases[2].name`. */
  readonly field: string;
  readonly #node: Node | null;
  readonly #lines: LineCounter;

  private constructor(place: { file: string; field: string; lines: LineCounter }, node: Node | null) {
    this.file = place.file;
    this.field = place.field;
    this.#lines = place.lines;
    this.#node = node;
  }

  /** The whole of a file. */
  static parse(file: string, text: string): Cursor {
    const lines = new LineCounter();
    // Tags are ours and read from the nodes; the parser's warnings about them say nothing.
    const document = parseDocument(text, { lineCounter: lines, logLevel: "silent", uniqueKeys: true });
    const [error] = document.errors;
    if (error) {
      const line = lines.linePos(error.pos[0]).line;
      throw new CaseFileError({ file, line, field: "" }, error.message.split("\n")[0] ?? error.code);
    }
    return new Cursor({ file, field: "", lines }, document.contents as Node | null);
  }

  /** Line in the file, from 1. */
  get line(): number {
    return this.#node?.range ? this.#lines.linePos(this.#node.range[0]).line : 1;
  }

  /** The error that says what is wrong here. */
  problem(text: string): CaseFileError {
    return new CaseFileError({ file: this.file, line: this.line, field: this.field }, text);
  }

  /** Fields of a map, none but those named. */
  fields<Field extends string>(allowed: readonly Field[]): Partial<Record<Field, Cursor>> {
    const found: Partial<Record<Field, Cursor>> = {};
    for (const [name, cursor] of this.entries()) {
      if (!(allowed as readonly string[]).includes(name))
        throw cursor.problem(`"${name}" is no field here; allowed are ${allowed.join(", ")}`);
      found[name as Field] = cursor;
    }
    return found;
  }

  /** A field that must be there. */
  required<Field extends string>(fields: Partial<Record<Field, Cursor>>, name: Field): Cursor {
    const cursor = fields[name];
    if (!cursor) throw this.problem(`the field "${name}" is missing`);
    return cursor;
  }

  /** Entries of a map, in order. */
  entries(): [string, Cursor][] {
    if (!isMap(this.#node)) throw this.problem(`must be a map, is ${this.#shape()}`);
    return (this.#node as YAMLMap<Node, Node | null>).items.map(({ key, value }) => {
      const name = String(isScalar(key) ? key.value : key);
      return [name, this.#at(this.field === "" ? name : `${this.field}.${name}`, value ?? key)];
    });
  }

  /** Items of a list, which must not be empty. */
  items(): Cursor[] {
    if (!isSeq(this.#node)) throw this.problem(`must be a list, is ${this.#shape()}`);
    if (this.#node.items.length === 0) throw this.problem("must not be empty");
    return this.#node.items.map((item, at) => this.#at(`${this.field}[${at}]`, item as Node | null));
  }

  /** Text that is not empty. */
  text(): string {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    if (typeof value !== "string" || value === "") throw this.problem(`must be text, is ${this.#shape()}`);
    return value;
  }

  /** Text, or a number or switch as it is written. */
  word(): string {
    const value = isScalar(this.#node) ? (this.#node.source ?? this.#node.value) : undefined;
    if (typeof value !== "string" || value === "") throw this.problem(`must be text, is ${this.#shape()}`);
    return value;
  }

  /** A whole number, at least `least`. */
  wholeNumber(least = 0): number {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least)
      throw this.problem(`must be a whole number of at least ${least}, is ${this.#shape()}`);
    return value;
  }

  /** True or false. */
  flag(): boolean {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    if (typeof value !== "boolean") throw this.problem(`must be true or false, is ${this.#shape()}`);
    return value;
  }

  /** A duration such as `5s` or `200ms`, in milliseconds. */
  durationMs(): number {
    const ms = parseDurationMs(this.word());
    if (ms === undefined) throw this.problem(`must be a duration such as 5s or 200ms, is ${this.#shape()}`);
    return ms;
  }

  /** Data with variables and tags, of which only those named may stand in it. */
  template(tags: ReadonlySet<string>): Template {
    return readTemplate(this.#node, this, { tags, lineOf: (node) => this.#lineOf(node) });
  }

  /** Whether nothing stands here, as in a file of comments, or an empty list. */
  get isEmpty(): boolean {
    return this.#node === null || (isSeq(this.#node) && this.#node.items.length === 0);
  }

  #lineOf(node: Node | null): number {
    return node?.range ? this.#lines.linePos(node.range[0]).line : this.line;
  }

  #at(field: string, node: Node | null): Cursor {
    return new Cursor({ file: this.file, field, lines: this.#lines }, node);
  }

  #shape(): string {
    if (isMap(this.#node)) return "a map";
    if (isSeq(this.#node)) return "a list";
    return isScalar(this.#node) ? JSON.stringify(this.#node.value) : "nothing";
  }
}

interface TemplateReader {
  tags: ReadonlySet<string>;
  lineOf: (node: Node | null) => number;
}

function readTemplate(node: Node | null, at: Cursor, reader: TemplateReader): Template {
  const line = reader.lineOf(node);
  const tag = node && "tag" in node && typeof node.tag === "string" && /^!\w/.test(node.tag) ? node.tag.slice(1) : "";
  const bare = readBare(node, at, reader);
  if (tag === "") return bare;
  if (!reader.tags.has(tag)) {
    const place = { file: at.file, line, field: at.field };
    throw new CaseFileError(
      place,
      `the tag !${tag} means nothing here; known are ${[...reader.tags].sort().join(", ")}`,
    );
  }
  return { kind: "tag", tag, argument: bare, line };
}

function readBare(node: Node | null, at: Cursor, reader: TemplateReader): Template {
  const line = reader.lineOf(node);
  if (isMap(node)) {
    const pairs = (node as YAMLMap<Node, Node | null>).items.map(
      ({ key, value }) => [String(isScalar(key) ? key.value : key), readTemplate(value, at, reader)] as const,
    );
    return { kind: "map", entries: new Map(pairs), line };
  }
  if (isSeq(node)) {
    return { kind: "list", items: node.items.map((item) => readTemplate(item as Node | null, at, reader)), line };
  }
  if (isAlias(node)) throw new CaseFileError({ file: at.file, line, field: at.field }, "aliases are not read");
  if (!isScalar(node)) return { kind: "value", value: null, line };
  const { value } = node;
  if (value !== null && !["string", "number", "boolean"].includes(typeof value))
    throw new CaseFileError({ file: at.file, line, field: at.field }, `cannot use ${String(value)} as data`);
  // The parser leaves what a tag of ours stands before as text.
  const plain = node.tag?.startsWith("!") && node.type === "PLAIN" && typeof value === "string";
  return { kind: "value", value: plain ? plainScalar(value) : (value as string | number | boolean | null), line };
}

function plainScalar(text: string): string | number | boolean | null {
  if (text === "" || text === "null" || text === "~") return null;
  if (text === "true" || text === "false") return text === "true";
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(text) ? Number(text) : text;
}
