/** A column of a table for people. */
export interface TextColumn<Row> {
  title: string;
  value: (row: Row) => string | number;
  /** Numbers read best aligned to the right. */
  right?: boolean;
}

/** Rows as aligned columns, two spaces apart, with titles. */
export function textTable<Row>(rows: readonly Row[], columns: readonly TextColumn<Row>[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map((c) => oneLine(c.value(row))))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  const lines = cells.map((line) =>
    line.map((cell, i) => (columns[i]?.right ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join("  "),
  );
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** Text from elsewhere must not move the cursor or break the line. */
export function oneLine(value: string | number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to replace.
  return String(value).replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}
