import { cellWidth, clip, plainText } from "@spanloom/query";
import { type CliContext, type CliStream, colorsOf } from "../cli-context.ts";

/** A column of a table for people. */
export interface TextColumn<Row> {
  title: string;
  value: (row: Row) => string | number;
  /** Numbers read best aligned to the right. */
  right?: boolean;
  /** It may be cut to make a table fit: text for people, nothing that is copied. */
  shrink?: boolean;
  /** It is left out when cutting others does not make a table fit: what is seen elsewhere, too. */
  spare?: boolean;
  /** What it says is how something stands: shown in the colour of that. */
  state?: boolean;
}

/** How a table is drawn. */
export interface TableStyle {
  /** Most cells of a line. */
  width: number;
  color: boolean;
}

/** How tables are drawn on the standard output. */
export function tableStyle(context: CliContext): TableStyle {
  return { width: tableWidth(context.stdout), color: colorsOf(context, context.stdout) };
}

/** How wide a table may be: as the terminal is; what is written elsewhere is never cut. */
export function tableWidth({ isTTY, columns }: CliStream): number {
  return isTTY ? columns : Number.POSITIVE_INFINITY;
}

/** No column is cut to fewer cells. */
const NARROWEST = 10;

/** Rows as aligned columns, two spaces apart, with titles; no wider than their style says, where columns can give way. */
export function textTable<Row>(
  rows: readonly Row[],
  columns: readonly TextColumn<Row>[],
  style: number | TableStyle = Number.POSITIVE_INFINITY,
): string {
  const { width, color } = typeof style === "number" ? { width: style, color: false } : style;
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map((c) => oneLine(c.value(row))))];
  const sizes = cells.map((line) => line.map(widthOf));
  const wanted = columns.map((_, i) => sizes.reduce((most, line) => Math.max(most, line[i] ?? 0), 0));
  const widths = shrunk(wanted, columns, width);
  const spare = columns.findLastIndex((column) => column.spare);
  if (spare !== -1 && sum(widths) > width) return textTable(rows, columns.toSpliced(spare, 1), style);
  const lines = cells.map((line, row) =>
    line
      .map((cell, i) => {
        const most = widths[i] ?? 0;
        const fits = (sizes[row]?.[i] ?? 0) <= most;
        const shown = fits ? cell : clip(cell, most);
        const blanks = " ".repeat(Math.max(0, most - (fits ? (sizes[row]?.[i] ?? 0) : cellWidth(shown))));
        const painted = color && row > 0 && columns[i]?.state ? stateText(shown) : shown;
        return columns[i]?.right ? blanks + painted : painted + blanks;
      })
      .join("  "),
  );
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** Widths with the widest columns that may be cut made narrower until the table fits, or no more can be cut. */
function shrunk(wanted: readonly number[], columns: readonly TextColumn<never>[], width: number): number[] {
  const widths = [...wanted];
  let excess = sum(widths) - width;
  while (excess > 0) {
    const widest = widths.reduce((best, each, i) => {
      const can = columns[i]?.shrink && each > NARROWEST;
      return can && (best === -1 || each > widths[best]!) ? i : best;
    }, -1);
    if (widest === -1) break;
    widths[widest]!--;
    excess--;
  }
  return widths;
}

/** Colours of states and outcomes by their first word; those that only wait have none. */
const tones: readonly (readonly [words: RegExp, code: number])[] = [
  [/^(FAILED|FAILURE|LOST|TIMEOUT)\b/, 31],
  [/^(SUCCEEDED|SUCCESS|ACTIVE|SUBMITTED)\b/, 32],
  [/^(CANCELLED|CANCELLING|SKIPPED|MISSED|RELEASED|DRAINING)\b/, 33],
  [/^(RUNNING|WAITING)\b/, 36],
];

/** A state in its colour. */
function stateText(text: string): string {
  const [, code] = tones.find(([words]) => words.test(text)) ?? [];
  return code === undefined ? text : `\u001b[${code}m${text}\u001b[39m`;
}

/** Cells of columns, two apart. */
function sum(widths: readonly number[]): number {
  return widths.reduce((total, each) => total + each + 2, -2);
}

function widthOf(text: string): number {
  // Nearly all there is, and a hundredth of the cost.
  return /^[\u0020-\u007e]*$/.test(text) ? text.length : cellWidth(text);
}

/** Text from elsewhere on one line: it must not move the cursor, break the line or turn its direction. */
export function oneLine(value: string | number): string {
  return plainText(String(value).replace(/[\t-\r\u0085\u2028\u2029]+/g, " "));
}

/** Text from elsewhere on as many lines as it has: a stack, a message. Otherwise as {@link oneLine}. */
export function manyLines(text: string): string {
  return text
    .split(/\r\n|\n/)
    .map(oneLine)
    .join("\n");
}
