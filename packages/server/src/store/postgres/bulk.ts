import { type Statement, statement } from "./statement.ts";

/** What a cell of a bulk statement may hold. */
export type Cell = number | string | boolean | Uint8Array | null | undefined;

/** A statement over any number of rows, which travel as one array per column. */
export interface Bulk {
  readonly statement: Statement;
  /** How each column is written. */
  readonly encoders: readonly ((cell: Cell) => string)[];
}

/**
 * Declares a bulk statement. `columns` gives names and types; `sql` is handed the text of a row source
 * `unnest(...) AS u (names)` to build the statement around.
 */
export function bulk(name: string, columns: Readonly<Record<string, string>>, sql: (rows: string) => string): Bulk {
  const types = Object.values(columns);
  const source = types.map((type, i) => `$${i + 1}::${type}[]`).join(", ");
  const rows = `unnest(${source}) AS u (${Object.keys(columns).join(", ")})`;
  return { statement: statement(name, sql(rows)), encoders: types.map(encoderOf) };
}

/** Declares an INSERT of whole rows. */
export function bulkInsert(
  table: string,
  columns: Readonly<Record<string, string>>,
  options: { name?: string; onConflict?: string } = {},
): Bulk {
  const names = Object.keys(columns).join(", ");
  const conflict = options.onConflict === undefined ? "" : ` ON CONFLICT ${options.onConflict}`;
  const name = options.name ?? `insert_${table}`;
  return bulk(name, columns, (rows) => `INSERT INTO ${table} (${names}) SELECT ${names} FROM ${rows}${conflict}`);
}

function encoderOf(type: string): (cell: Cell) => string {
  if (type === "bytea") return encodeBytes;
  if (["bigint", "integer", "smallint", "boolean", "double precision"].includes(type)) return encodePlain;
  return encodeText;
}

function encodePlain(cell: Cell): string {
  return cell === null || cell === undefined ? "NULL" : String(cell);
}

function encodeText(cell: Cell): string {
  if (cell === null || cell === undefined) return "NULL";
  return `"${String(cell).replace(/["\\]/g, "\\$&")}"`;
}

function encodeBytes(cell: Cell): string {
  if (!(cell instanceof Uint8Array)) return "NULL";
  return `"\\\\x${Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength).toString("hex")}"`;
}

/** Numbers as an array parameter. */
export function numbers(list: Iterable<number>): string {
  return `{${[...list].join(",")}}`;
}

/** Texts as an array parameter. */
export function texts(list: Iterable<string>): string {
  return `{${Array.from(list, encodeText).join(",")}}`;
}

/** Rows waiting to be written by one bulk statement. */
export class Rows {
  readonly bulk: Bulk;
  #columns: string[][];

  constructor(bulk: Bulk) {
    this.bulk = bulk;
    this.#columns = bulk.encoders.map(() => []);
  }

  /** How many wait. */
  get size(): number {
    return this.#columns[0]!.length;
  }

  /** Adds a row; its cells in the order of the columns. */
  add(...cells: readonly Cell[]): void {
    const { encoders } = this.bulk;
    for (let i = 0; i < encoders.length; i++) this.#columns[i]!.push(encoders[i]!(cells[i]));
  }

  /** Takes the rows as parameters. */
  take(): string[] {
    const values = this.#columns.map((column) => `{${column.join(",")}}`);
    this.clear();
    return values;
  }

  /** Forgets the rows. */
  clear(): void {
    this.#columns = this.bulk.encoders.map(() => []);
  }
}
