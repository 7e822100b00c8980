import { engineNice } from "../../background-priority.ts";
import { DATABASE } from "../schema.sql.ts";

/** The statement that inserts rows of the Arrow stream in a file of ours. The path is quoted for SQL. */
export function insertStatement(table: string, columns: readonly string[], path: string): string {
  const names = columns.join(", ");
  const quoted = path.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  return `INSERT INTO ${DATABASE}.${table} (${names}) SELECT ${names} FROM file('${quoted}', 'ArrowStream')
SETTINGS os_threads_nice_value_query = ${engineNice()}`;
}
