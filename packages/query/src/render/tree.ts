import type { Table } from "apache-arrow";
import type { RenderOptions } from "./options.ts";

/** Draws spans as a tree. */
export function renderTree(_table: Table, _options: RenderOptions = {}): string {
  return "";
}
