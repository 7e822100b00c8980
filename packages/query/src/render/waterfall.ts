import type { Table } from "apache-arrow";
import type { RenderOptions } from "./options.ts";

/** Draws spans as a tree with bars over time. */
export function renderWaterfall(_table: Table, _options: RenderOptions = {}): string {
  return "";
}
