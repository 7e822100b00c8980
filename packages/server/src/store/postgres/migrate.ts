import { SpanloomError } from "@spanloom/protocol";
import type { Client } from "pg";
import { describeDatabase } from "./connect-error.ts";
import { type DatabaseTarget, DEFAULT_SCHEMA, openConnection } from "./connection.ts";
import { toStoreError } from "./errors.ts";
import { commitMarkSql, exporterSql, SCHEMA_VERSION, schemaSql, triggerSql } from "./schema.sql.ts";

/** Key of the advisory lock under which servers migrate, one after the other. */
const MIGRATION_LOCK = 0x5350_4c4e;

/** What leads from each version to the next; servers of the earlier one that run go on beside it. */
const steps: Readonly<Record<number, string>> = { 2: exporterSql, 3: commitMarkSql, 4: triggerSql };

/**
 * Brings the store's schema to this program's version, in one transaction; any number of servers may start at once.
 *
 * Errors: INVALID_STATE when the schema is from a newer version, is another program's, or the database or the user may
 * only read; STORE_UNAVAILABLE when the database cannot be reached.
 */
export async function migrate(target: DatabaseTarget): Promise<void> {
  const client = await openConnection(target, { purpose: "migration" });
  try {
    await client.query("BEGIN");
    await client.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK}, hashtext(current_database()))`);
    await migrateLocked(client, target);
    await client.query("COMMIT");
  } catch (error) {
    throw explain(error, target);
  } finally {
    // Ends the transaction, too, when it was not committed.
    await client.end();
  }
}

async function migrateLocked(client: Client, target: DatabaseTarget): Promise<void> {
  const schema = target.schema ?? DEFAULT_SCHEMA;
  const tables = await tablesOf(client, schema);
  if (tables.length === 0) {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${client.escapeIdentifier(schema)}`);
    await client.query(schemaSql);
    await client.query("INSERT INTO meta (key, value) VALUES ('schema_version', $1)", [SCHEMA_VERSION]);
    return;
  }
  const version = tables.includes("meta") ? await storedVersion(client) : undefined;
  const place = `schema "${schema}" of ${describeDatabase(target.url)}`;
  if (version === undefined) {
    throw new SpanloomError("INVALID_STATE", `cannot use ${place}: it holds tables of another program`);
  }
  if (version > SCHEMA_VERSION) {
    const message = `cannot use ${place}: it has version ${version}, this program knows up to ${SCHEMA_VERSION}; start a newer Spanloom`;
    throw new SpanloomError("INVALID_STATE", message, { limit: SCHEMA_VERSION, actual: version });
  }
  await refuseReadOnly(client, place);
  if (version === SCHEMA_VERSION) return;
  for (let step = version + 1; step <= SCHEMA_VERSION; step++) await client.query(steps[step]!);
  await client.query("UPDATE meta SET value = $1 WHERE key = 'schema_version'", [SCHEMA_VERSION]);
}

async function tablesOf(client: Client, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ tablename: string }>("SELECT tablename FROM pg_tables WHERE schemaname = $1", [
    schema,
  ]);
  return rows.map(({ tablename }) => tablename);
}

async function storedVersion(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ value: number }>("SELECT value FROM meta WHERE key = 'schema_version'");
  return rows[0]?.value;
}

/** A standby or a user who may only read would fail at the first write; better at the start. */
async function refuseReadOnly(client: Client, place: string): Promise<void> {
  const { rows } = await client.query<{ standby: boolean; writable: boolean }>(
    `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS standby,
     has_table_privilege('job', 'INSERT') AND has_table_privilege('job', 'UPDATE') AS writable`,
  );
  const { standby, writable } = rows[0]!;
  if (standby) {
    const why = "the database is read-only (a standby, or default_transaction_read_only); give the primary's address";
    throw new SpanloomError("INVALID_STATE", `cannot use ${place}: ${why}`);
  }
  if (writable) return;
  const why = "the user may only read its tables; start as their owner, or grant it all rights on them";
  throw new SpanloomError("INVALID_STATE", `cannot use ${place}: ${why}`);
}

/** SQLSTATEs of somebody who may not. */
const READ_ONLY = "25006";
const NO_RIGHT = "42501";

function explain(error: unknown, target: DatabaseTarget): SpanloomError {
  if (error instanceof SpanloomError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const told = error instanceof Error ? error.message : String(error);
  const remedies: Record<string, string> = {
    [READ_ONLY]: "give the address of a database that may be written to",
    [NO_RIGHT]: "grant the user CREATE on the database, or make the schema for it",
  };
  const remedy = remedies[String(code)];
  if (remedy === undefined) return toStoreError(error);
  const message = `cannot set up the store in ${describeDatabase(target.url)}: ${told}; ${remedy}`;
  return new SpanloomError("INVALID_STATE", message, {}, { cause: error });
}
