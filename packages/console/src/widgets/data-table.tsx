import type { ReactNode } from "react";

/** A column of a table. */
export interface Column<Row> {
  name: string;
  /** What explains the name where it is pointed at. */
  hint?: string;
  /** Draws the name for those alone who do not see the column. */
  isUnnamed?: boolean;
  /** Of its cells and its head: `number`, `wide`, `clip`, `mono`, `quiet`. */
  className?: string;
  cell: (row: Row) => ReactNode;
  /** What a cell tells where it is pointed at. */
  title?: (row: Row) => string;
}

interface DataTableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}

/** Rows of a kind as a table, which scrolls by itself where it is too wide. */
export function DataTable<Row>({ label, columns, rows, keyOf }: DataTableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label={label} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {columns.map(({ name, hint, isUnnamed, className }) => (
              <th key={name} scope="col" className={className?.includes("number") ? "number" : undefined} title={hint}>
                {isUnnamed ? <span className="hidden">{name}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, className, cell, title }) => (
                <td key={name} className={className} title={title?.(row)}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
