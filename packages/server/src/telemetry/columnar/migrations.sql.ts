import { DATABASE, envelopeColumns, heldTable, onCluster, repeatingMap } from "./schema.sql.ts";
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
  [
    3,
    [
      `ALTER TABLE ${DATABASE}.spans ADD COLUMN IF NOT EXISTS inserted_at ${insertedAt("toDateTime64(0, 6, 'UTC')")} AFTER version`,
      `ALTER TABLE ${DATABASE}.spans MODIFY COLUMN inserted_at ${insertedAt("toDateTime64(0, 6, 'UTC')")}`,
      `ALTER TABLE ${DATABASE}.spans MATERIALIZE COLUMN inserted_at SETTINGS mutations_sync = 2`,
      `ALTER TABLE ${DATABASE}.spans MODIFY COLUMN inserted_at ${insertedAt("now64(6, 'UTC')")}`,
      `ALTER TABLE ${DATABASE}.spans ADD INDEX IF NOT EXISTS inserted_at inserted_at TYPE minmax GRANULARITY 1`,
    ],
  ],
]);

function insertedAt(value: string): string {
  return `DateTime64(6, 'UTC') DEFAULT ${value} CODEC(Delta, ZSTD(1))`;
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
  `INSERT INTO ${DATABASE}.logs (* EXCEPT (${Object.keys(envelopeColumns).join(", ")})) SELECT * FROM ${DATABASE}.${EARLIER_LOGS}
SETTINGS min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 0, max_block_size = 65536`,
  `DROP TABLE IF EXISTS ${DATABASE}.${EARLIER_LOGS} SYNC`,
];

/**
 * Statements that lead to version 5 from 4: maps that repeat as dictionaries, and what resource and scope say beside their
 * attributes, which earlier rows do not have. A table of version 5 is left as it is.
 */
export function toVersion5(engines: TableEngines): string[] {
  const added = Object.entries(envelopeColumns).map(([name, type]) => `ADD COLUMN IF NOT EXISTS ${name} ${type}`);
  const changes = ["attribute_types", "resource_attributes"].map((name) => `MODIFY COLUMN ${name} ${repeatingMap}`);
  const altered = [...added, ...changes].join(", ");
  return ["spans", "logs"].flatMap((name) => {
    // What holds rows first: what is spread over it answers with its columns.
    const tables = new Set([heldTable(engines, name), `${DATABASE}.${name}`]);
    return [...tables].map((table) => `ALTER TABLE ${table}${onCluster(engines)} ${altered}`);
  });
}
