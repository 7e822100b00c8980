import { readFileSync } from "node:fs";

/** What a field holds: a type by name, or one of some words. */
interface FieldType {
  /** `text`, `time` and so on, or the name of another shape; empty for words. */
  name: string;
  isList: boolean;
  words: readonly string[];
}

interface Field {
  /** The shape that describes it. */
  owner: string;
  type: FieldType;
  isOptional: boolean;
  isNullable: boolean;
}

/** Fields of an object by name. */
type Shape = ReadonlyMap<string, Field>;

/** What a command prints: one value of a type, or lines of some types. */
export interface DocumentedOutput {
  isLines: boolean;
  types: readonly FieldType[];
}

/** The shapes that docs/cli.md and docs/schema.md describe, and which of their fields were met. */
export class DocumentedShapes {
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #seen = new Set<string>();
  /** What each command prints, by its words. */
  readonly outputs: ReadonlyMap<string, readonly DocumentedOutput[]>;

  constructor(cliPage: string, schemaPage: string) {
    this.outputs = outputsOf(cliPage);
    this.#shapes = new Map([...objectsOf(cliPage), ...columnsOf(schemaPage)]);
  }

  /** Reads both pages. */
  static read(): DocumentedShapes {
    const page = (name: string) => readFileSync(new URL(`../../../../docs/${name}.md`, import.meta.url), "utf8");
    return new DocumentedShapes(page("cli"), page("schema"));
  }

  /** Notes the fields of a value, and tells where it is not as documented. */
  problems(value: unknown, type: FieldType, at: string): string[] {
    if (type.words.length > 0) {
      const known = type.words.includes(value as string);
      return known ? [] : [`${at} is ${show(value)}, documented are ${type.words.join(", ")}`];
    }
    if (type.isList) {
      if (!Array.isArray(value)) return [`${at} is ${show(value)} and no array`];
      return value.flatMap((item, i) => this.problems(item, { ...type, isList: false }, `${at}[${i}]`));
    }
    const shape = this.#shapes.get(type.name);
    if (shape) return this.#objectProblems(value, shape, { name: type.name, at });
    const fits = plainTypes[type.name];
    if (!fits) return [`${at} is documented as ${type.name}, which docs/cli.md does not describe`];
    return fits(value) ? [] : [`${at} is ${show(value)}, documented is ${type.name}`];
  }

  #objectProblems(value: unknown, shape: Shape, { name, at }: { name: string; at: string }): string[] {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return [`${at} is ${show(value)}, not ${name}`];
    const object = value as Record<string, unknown>;
    const found = Object.keys(object).flatMap((key) => {
      const field = shape.get(key);
      if (!field) return [`${at}.${key} is not documented of ${name}: ${show(object[key])}`];
      if (object[key] === null && (field.isNullable || field.type.name === "any")) return [];
      this.#seen.add(`${field.owner}.${key}`);
      return this.problems(object[key], field.type, `${at}.${key}`);
    });
    const absent = [...shape].filter(([key, { isOptional }]) => !isOptional && !(key in object));
    return [...found, ...absent.map(([key]) => `${at} has no ${key}, which is documented of ${name}`)];
  }

  /** Fields of docs/cli.md that no value had, or had only as null. */
  unseen(): string[] {
    return [...this.#shapes]
      .filter(([name]) => /^[A-Z]/.test(name))
      .flatMap(([, shape]) => [...shape].map(([key, { owner }]) => `${owner}.${key}`))
      .filter((field) => !this.#seen.has(field));
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const matches = (pattern: RegExp) => (value: unknown) => typeof value === "string" && pattern.test(value);

const plainTypes: Readonly<Record<string, (value: unknown) => boolean>> = {
  text: (value) => typeof value === "string",
  id: matches(uuid),
  trace: matches(/^[0-9a-f]{32}$/),
  span: matches(/^[0-9a-f]{16}$/),
  time: matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(\d{6})?Z$/),
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  any: () => true,
  map: (value) =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((each) => typeof each === "string"),
};

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? "undefined";
}

const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

/** Cells of the rows of all tables of a text, titles and rules left out. */
function rowsOf(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .replaceAll("\\|", "")
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** Text of each section of a level, by its title. */
function sectionsOf(page: string, level: string): [title: string, text: string][] {
  return page
    .split(`\n${level} `)
    .slice(1)
    .map((section) => {
      const [title = "", ...rest] = section.split("\n");
      return [title.trim(), rest.join("\n").split(/\n#{1,3} /)[0] ?? ""];
    });
}

function typeOf(name: string): FieldType {
  return { name: name.replace(/\[\]$/, ""), isList: name.endsWith("[]"), words: [] };
}

function outputsOf(page: string): Map<string, DocumentedOutput[]> {
  const [, text = ""] = sectionsOf(page, "##").find(([title]) => title === "What commands print") ?? [];
  return new Map(
    rowsOf(text).map(([command = "", prints = ""]) => {
      // "`Job`; with `--watch` lines of `Job`" is two ways to print: one of Job, and lines of it.
      const ways = prints.split(";").map((way): DocumentedOutput => {
        const links = [...way.matchAll(/\[([a-z ]+)\]\(schema/g)].map((match) => match[1]!);
        const names = quoted(way).filter((name) => !name.startsWith("--"));
        return { isLines: way.includes("lines of"), types: [...names, ...links].map(typeOf) };
      });
      return [quoted(command)[0] ?? "", ways] as const;
    }),
  );
}

function objectsOf(page: string): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const [name, text] of sectionsOf(page, "###")) {
    const base = /^\s*A \[(\w+)\]\(#\w+\), and/.exec(text)?.[1];
    shapes.set(name, new Map([...(shapes.get(base ?? "") ?? []), ...rowsOf(text).map((row) => fieldOf(row, name))]));
  }
  return shapes;
}

function fieldOf([field = "", type = ""]: readonly string[], owner: string): [name: string, field: Field] {
  const names = quoted(type);
  return [
    quoted(field)[0] ?? "",
    {
      owner,
      type: names.length > 1 ? { name: "", isList: false, words: names } : typeOf(names[0] ?? ""),
      isOptional: field.endsWith("?"),
      isNullable: type.endsWith("may be null"),
    },
  ];
}

const columnTypes: Readonly<Record<string, string>> = {
  dict: "text",
  utf8: "text",
  timestamp: "time",
  int64: "integer",
  uint32: "integer",
  uint: "integer",
  float64: "number",
  map: "map",
};

/** Rows of Arrow columns as JSON, by the title of their table. */
function columnsOf(page: string): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const [title, text] of sectionsOf(page, "##")) {
    const fields = rowsOf(text).flatMap(([columns = "", type = "", nothing = "", meaning = ""]) =>
      quoted(columns).map((name): [string, Field] => {
        const known = /as in spans/.test(meaning) ? shapes.get("spans")?.get(name) : undefined;
        // Events and links say what they hold in their meaning.
        const isList = type === "list of struct";
        const own = { name: isList ? "any" : (columnTypes[type] ?? type), isList, words: [] };
        return [name, known ?? { owner: title, type: own, isOptional: false, isNullable: nothing !== "" }];
      }),
    );
    if (fields.length > 0) shapes.set(title, new Map(fields));
  }
  return shapes;
}
