import type { Table } from "apache-arrow";
import type { RenderOptions } from "./options.ts";

/** Draws the measures of {@link summarize} as a table. */
export function renderSummary(
  _table: Table,
  _options: Pick<RenderOptions, "width" | "color" | "maxRows"> = {},
): string {
  return "";
}
