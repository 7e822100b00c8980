import { SpanloomError } from "@spanloom/protocol";
import {
  DATABASE,
  MAX_RETENTION_DAYS,
  retentionStatements,
  SCHEMA_VERSION,
  type SchemaEngines,
  schemaStatements,
  versionTable,
} from "./schema.sql.ts";

/** Runs a statement without parameters and returns its answer as tab-separated text. */
export type RunStatement = (sql: string) => Promise<string>;

/**
 * Brings the schema up to date and sets how long rows are kept.
 *
 * Errors: INVALID_STATE when the data is from a newer version.
 */
export async function migrate(run: RunStatement, engines: SchemaEngines, retentionDays: number): Promise<void> {
  await run(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`);
  await run(versionTable(engines));
  const found = Number(await run(`SELECT max(version) FROM ${DATABASE}.schema_version`));
  if (found > SCHEMA_VERSION) {
    throw new SpanloomError(
      "INVALID_STATE",
      `cannot open the telemetry store: its schema is version ${found}, this server knows up to ${SCHEMA_VERSION}`,
      { limit: SCHEMA_VERSION, actual: found },
    );
  }
  if (found < SCHEMA_VERSION) {
    // Every statement can run again, so a migration that was cut off is simply repeated.
    for (const statement of schemaStatements(engines)) await run(statement);
    await run(`INSERT INTO ${DATABASE}.schema_version VALUES (${SCHEMA_VERSION}, now64(3))`);
  }
  await setRetention(run, retentionDays);
}

async function setRetention(run: RunStatement, days: number): Promise<void> {
  if (!Number.isInteger(days) || days < 1 || days > MAX_RETENTION_DAYS) {
    const message = `cannot open the telemetry store: retentionDays is ${days}, not a whole number from 1 to ${MAX_RETENTION_DAYS}`;
    throw new SpanloomError("INVALID_FIELD", message, { field: "retentionDays", limit: MAX_RETENTION_DAYS });
  }
  const current = await run(`SELECT engine_full FROM system.tables WHERE database = '${DATABASE}' AND name = 'spans'`);
  if (current.includes(`toIntervalDay(${days})`)) return;
  for (const statement of retentionStatements(days)) await run(statement);
}
