import { type Statement, statement } from "./statement.ts";
import type { SqlRow } from "./writer.ts";

/** What a cell of a bulk statement may hold. */
export type Cell = number | string | boolean | Uint8Array | null | undefined;

/** A statement over any number of rows. */
export interface Bulk {
  /** The rows travel as one array per column. */
  readonly many: Statement;
  /** The row travels as it is: a third less work, and most transactions of an idle system write single rows. */
  readonly one: Statement;
  /** How each column is written into an array. */
  readonly encoders: readonly ((cell: Cell) => string)[];
}

/**
 * Declares a bulk statement. `columns` gives names and types; `sql` is handed the text of a row source called `u` to build
 * the statement around.
 */
export function bulk(name: string, columns: Readonly<Record<string, string>>, sql: (rows: string) => string): Bulk {
  const types = Object.values(columns);
  const names = Object.keys(columns).join(", ");
  const arrays = types.map((type, i) => `$${i + 1}::${type}[]`).join(", ");
  const values = types.map((type, i) => `$${i + 1}::${type}`).join(", ");
  return {
    many: statement(name, sql(`unnest(${arrays}) AS u (${names})`)),
    one: statement(`${name}_one`, sql(`(VALUES (${values})) AS u (${names})`)),
    encoders: types.map(encoderOf),
  };
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

/** Takes a statement to PostgreSQL. */
interface Sender {
  send(statement: Statement, values: readonly unknown[]): Promise<readonly SqlRow[]>;
}

const NO_ROWS: Promise<readonly SqlRow[]> = Promise.resolve([]);

/** Rows waiting to be written by one bulk statement. */
export class Rows {
  readonly #bulk: Bulk;
  #first: readonly Cell[] = [];
  #columns: string[][] = [];
  #size = 0;

  constructor(bulk: Bulk) {
    this.#bulk = bulk;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Adds a row; its cells in the order of the columns. */
  add(...cells: readonly Cell[]): void {
    if (this.#size === 1) this.#encode(this.#first);
    if (this.#size === 0) this.#first = cells;
    else this.#encode(cells);
    this.#size++;
  }

  /** Sends what waits, if anything does. */
  sendTo(sql: Sender): Promise<readonly SqlRow[]> {
    if (this.#size === 0) return NO_ROWS;
    const { one, many } = this.#bulk;
    const sent =
      this.#size === 1
        ? sql.send(
            one,
            this.#bulk.encoders.map((_, i) => toParameter(this.#first[i])),
          )
        : sql.send(
            many,
            this.#columns.map((column) => `{${column.join(",")}}`),
          );
    this.clear();
    return sent;
  }

  /** Forgets the rows. */
  clear(): void {
    if (this.#size === 0) return;
    this.#size = 0;
    this.#first = [];
    this.#columns = [];
  }

  #encode(cells: readonly Cell[]): void {
    const { encoders } = this.#bulk;
    if (this.#columns.length === 0) this.#columns = encoders.map(() => []);
    for (let i = 0; i < encoders.length; i++) this.#columns[i]!.push(encoders[i]!(cells[i]));
  }
}

/** `pg` takes a Buffer for bytes, and sends it as it is. */
function toParameter(cell: Cell): Cell | Buffer {
  if (cell === undefined) return null;
  return cell instanceof Uint8Array ? Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength) : cell;
}
