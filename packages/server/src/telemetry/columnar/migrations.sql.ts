import { DATABASE, envelopeColumns, heldTable, insertedAt, onCluster, repeatingMap } from "./schema.sql.ts";
import type { TableEngines } from "./table-engines.ts";

/**
 * What leads from earlier versions to the present schema. Each list may be run again, from its beginning, when it was cut
 * off.
 */

/**
 * Statements that lead to versions 2 and 3 from the one before. A cluster's tables begin with version 4, so these are
 * about tables of one machine.
 */
export const earlyMigrations: ReadonlyMap<number, readonly string[]> = new Map([
  // A spool of its own for each of the servers that share a store.
  [2, [`ALTER TABLE ${DATABASE}.logs ADD COLUMN IF NOT EXISTS writer UInt64 CODEC(ZSTD(1)) AFTER ingest_id`]],
  // When a row came. A default is computed when a row without it is read, so earlier rows get theirs, the epoch, for good
  // before the default becomes the current time.
  [3, insertionTimes(`${DATABASE}.spans`, "version")],
]);

/** Statements that tell of rows when they came, and of those that are there that it was long ago. */
function insertionTimes(table: string, after: string): string[] {
  const longAgo = insertedAt.replace("now64(6, 'UTC')", "toDateTime64(0, 6, 'UTC')");
  return [
    `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS inserted_at ${longAgo} AFTER ${after}`,
    `ALTER TABLE ${table} MODIFY COLUMN inserted_at ${longAgo}`,
    `ALTER TABLE ${table} MATERIALIZE COLUMN inserted_at SETTINGS mutations_sync = 2`,
    `ALTER TABLE ${table} MODIFY COLUMN inserted_at ${insertedAt}`,
    `ALTER TABLE ${table} ADD INDEX IF NOT EXISTS inserted_at inserted_at TYPE minmax GRANULARITY 1`,
  ];
}

/** Logs of version 3 while their rows are copied: an engine and an order cannot be changed in place. */
export const EARLIER_LOGS = "logs_3";

/** Puts the logs of version 3 aside. */
export const putLogsAside: readonly string[] = [
  `DROP VIEW IF EXISTS ${DATABASE}.job_traces_of_logs`,
  `RENAME TABLE ${DATABASE}.logs TO ${DATABASE}.${EARLIER_LOGS}`,
];

/**
 * Copies the logs that were put aside, to a table of the present version; rows that are copied twice count once. In small
 * blocks, as there may be many.
 */
export const copyLogs: readonly string[] = [
  `INSERT INTO ${DATABASE}.logs (* EXCEPT (${["inserted_at", ...Object.keys(envelopeColumns)].join(", ")})) SELECT * FROM ${DATABASE}.${EARLIER_LOGS}
SETTINGS min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 0, max_block_size = 65536`,
  `DROP TABLE IF EXISTS ${DATABASE}.${EARLIER_LOGS} SYNC`,
];

/**
 * Statements that lead to version 5 from 4: maps that repeat as dictionaries, what resource and scope say beside their
 * attributes, which earlier rows do not have, and when a log record came. A table of version 5 is left as it is, but for
 * its log records, which came long ago then.
 */
export function toVersion5(engines: TableEngines): string[] {
  const added = Object.entries(envelopeColumns).map(([name, type]) => `ADD COLUMN IF NOT EXISTS ${name} ${type}`);
  const changes = ["attribute_types", "resource_attributes"].map((name) => `MODIFY COLUMN ${name} ${repeatingMap}`);
  const altered = [...added, ...changes].join(", ");
  const on = onCluster(engines);
  const [logs, spread] = [heldTable(engines, "logs"), `${DATABASE}.logs`];
  return [
    ...insertionTimes(`${logs}${on}`, "writer"),
    ...(logs === spread
      ? []
      : [`ALTER TABLE ${spread}${on} ADD COLUMN IF NOT EXISTS inserted_at ${insertedAt} AFTER writer`]),
    // What holds rows first: what is spread over it answers with its columns.
    ...["spans", "logs"].flatMap((name) => {
      const tables = new Set([heldTable(engines, name), `${DATABASE}.${name}`]);
      return [...tables].map((table) => `ALTER TABLE ${table}${on} ${altered}`);
    }),
  ];
}
