import type { Table } from "apache-arrow";
import type { ColumnTable } from "arquero";

/** An Arquero table. */
export type DataFrame = ColumnTable;

/** An Arrow table as an Arquero table over the same columns. */
export async function toDataFrame(table: Table): Promise<DataFrame> {
  const { fromArrow } = await import("arquero");
  return fromArrow(table as never);
}
